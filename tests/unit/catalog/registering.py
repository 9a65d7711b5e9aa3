"""States that agents register, and stores in which they stand."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from ca_core.catalog.commits import Registrant, registered, removed
from ca_core.catalog.following import FollowingCatalog
from ca_core.catalog.viewing import Viewing
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.state.memory import MemoryEngine
from ca_core.state.store import Store
from ca_core.wire.catalog import Check, CheckStatus, Connect, Proxy, Service
from ca_core.wire.registered import Registered, RegisteredState

NOW = datetime(2030, 1, 1, tzinfo=UTC)
JOINED = datetime(2029, 1, 1, tzinfo=UTC)

NODES = ("n1", "n2", "n3")
NAMES = ("db", "web")
EVERY_VIEW = (
    *(ViewKey(kind, name) for kind in (ViewKind.SERVICE, ViewKind.CONNECT) for name in NAMES),
    *(ViewKey(ViewKind.NODE, node) for node in NODES),
    *(ViewKey(kind) for kind in (ViewKind.SERVICES, ViewKind.NODES, ViewKind.CHECKS)),
)


def agent(node):
    """Return the agent of a node."""
    return AgentId(trust_domain=TrustDomain("x.consul"), datacenter="dc1", node=node)


def by(node, *, joined=JOINED, server="s1", **changes):
    """Return who registers."""
    return Registrant(agent=agent(node), joined=joined, server=server, **changes)


def check(id_="ttl", status=CheckStatus.PASSING, **changes):
    """Return a check as an agent sends it."""
    return Check(id=id_, name="is it well", status=status, type="ttl", **changes)


def instance(id_="web-1", name="web", *, checks=(), grant="", **changes):
    """Return an instance as an agent sends it."""
    service = Service(id=id_, service=name, **{"port": 8080, **changes})
    return Registered(service=service, checks=tuple(checks), grant=grant)


def native(id_="web-1", name="web", **changes):
    """Return an instance that speaks mTLS itself."""
    return instance(id_, name, connect=Connect(native=True), **changes)


def proxy(id_="web-proxy", of="web", **changes):
    """Return a proxy."""
    stands_for = Proxy(destination_service_name=of)
    return instance(id_, f"{of}-proxy", kind="connect-proxy", proxy=stands_for, **changes)


def state(*services, **changes):
    """Return what one agent has registered."""
    ordered = sorted(services, key=lambda one: one.service.id)
    return RegisteredState(services=tuple(ordered), **{"address": "10.0.0.1", **changes})


class Standing:
    """A store with a catalog that follows it, and what was committed."""

    def __init__(self, store=None):
        self.store = store or Store(MemoryEngine())
        self.following = FollowingCatalog(self.store)
        self.viewing = Viewing()
        self.commits = []
        self.store.follow(lambda _, commit: self.commits.append(commit))

    @property
    def now(self):
        """Return the newest catalog."""
        return self.following.now

    def until_nothing(self, decide):
        """Commit what is decided until nothing is; return how many commits it took."""
        before = len(self.commits)
        while self.store.update(lambda view: decide(self.following.at(view))) is not None:
            pass
        return len(self.commits) - before

    def register(self, node, wanted, **changes):
        """Write all of a state; return how many commits it took."""
        refused = changes.pop("refused", frozenset())
        who = by(node, **changes)
        return self.until_nothing(
            lambda now: registered(now, who, wanted, now=NOW, refused=refused)
        )

    def remove(self, node):
        """Remove a node; return how many commits it took."""
        return self.until_nothing(lambda now: removed(now, node))

    def value(self, kind, name=""):
        """Return a view's value."""
        return self.viewing.value(self.now, ViewKey(kind, name))

    def index(self, kind, name=""):
        """Return a view's index."""
        return self.viewing.look(self.now, ViewKey(kind, name)).index

    def ids(self, kind, name):
        """Return node and id of every instance in a view."""
        return [(one.node.node, one.service.id) for one in self.value(kind, name)]


statuses = st.sampled_from(CheckStatus)
checks = st.lists(st.sampled_from("xyz"), unique=True, max_size=2).map(sorted)
tags = st.sampled_from([(), ("a",), ("a", "b")])


@st.composite
def instances(draw, id_):
    """Draw an instance: plain, native, or a proxy."""
    name = draw(st.sampled_from(NAMES))
    found = tuple(check(f"{id_}-{each}", draw(statuses)) for each in draw(checks))
    make = draw(st.sampled_from([instance, native, proxy]))
    return make(id_, name, tags=draw(tags), checks=found)


@st.composite
def states(draw):
    """Draw what one agent has registered."""
    ids = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
    services = [draw(instances(id_)) for id_ in ids]
    found = tuple(check(f"node-{each}", draw(statuses)) for each in draw(checks))
    return state(*services, checks=found, address=draw(st.sampled_from(["", "10.0.0.1"])))
