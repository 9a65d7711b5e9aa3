"""An agent over a server's intentions, in one process, and calls of its authorizer."""

import contextlib
import json
from dataclasses import dataclass, field
from random import Random

from ca_core.acl.access import AllowAll
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.authorizing import AuthorizeRules
from ca_core.agent.decisionlog import DecisionLog, Logged
from ca_core.api.authorize_handlers import authorize
from ca_core.api.decisions import Decisions
from ca_core.api.http import Request
from ca_core.api.problems import problem_response
from ca_core.api.rooms import AgentRoom
from ca_core.intentions.decision import Default
from ca_core.telemetry.decisions import DecisionTallies
from ca_core.testing.clock import FakeClock
from ca_core.wire.revocation import CrlsAnswer
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, FakeUpstream, settle
from tests.unit.api.asking import asking
from tests.unit.api.intending import Room
from tests.unit.api.listing import current_lists

WEB = f"spiffe://{TRUST_DOMAIN}/ns/default/dc/{DATACENTER}/svc/web"


def uri(service, *, domain=TRUST_DOMAIN, datacenter=DATACENTER, namespace="default"):
    """Return a service's SPIFFE ID."""
    return f"spiffe://{domain}/ns/{namespace}/dc/{datacenter}/svc/{service}"


class Upstream(FakeUpstream):
    """The fake server, whose intentions are those of a room."""

    def __init__(self, clock, room):
        super().__init__(clock)
        self.room = room
        self.asked = []
        self.intention_errors = []
        self.crl_errors = []
        self.crl_pems = []
        self.crl_calls = 0

    async def crls(self):
        """Answer the CRLs there are, unless an error is due."""
        self.crl_calls += 1
        if self.crl_errors:
            raise self.crl_errors.pop(0)
        return CrlsAnswer(crls=tuple(self.crl_pems))

    async def intentions(self, asked):
        """Answer as the server does, unless an error is due."""
        self.asked.append(asked)
        if self.intention_errors:
            raise self.intention_errors.pop(0)
        return await current_lists(self.room, asked)


@dataclass
class Answered:
    """An answer of authorize."""

    status: int
    headers: dict
    text: str

    @property
    def json(self):
        """Return what is in it."""
        return json.loads(self.text)

    @property
    def allowed(self):
        """Return the decision; the answer must be one."""
        assert self.status == 200, self.text
        return self.json["Authorized"]

    @property
    def reason(self):
        """Return why."""
        return self.json["Reason"]


@dataclass
class World:
    """A server's room and an agent over it."""

    default: Default = field(default_factory=lambda: Default(allowed=False))
    rules: AuthorizeRules = field(default_factory=AuthorizeRules)
    may: object = field(default_factory=AllowAll)
    settings: dict = field(default_factory=dict)
    logged: Logged = Logged.NONE
    sample: float = 1.0

    def __post_init__(self):
        self.clock = FakeClock()
        self.room = Room(default=self.default, clock=self.clock)
        self.upstream = Upstream(self.clock, self.room)
        where = AgentSettings(
            datacenter=DATACENTER, node="n1", authorize=self.rules, **self.settings
        )
        self.agent = Agent(self.upstream, self.clock, where, may=self.may, draw=lambda: 0.5)
        self.tallies = DecisionTallies()
        log = DecisionLog(self.clock, lambda: 0.5, self.logged, self.sample)
        self.place = AgentRoom(
            agent=self.agent,
            may=self.may,
            clock=self.clock,
            random=Random(0),
            decisions=Decisions(self.tallies, log, self.agent.reports.note),
        )

    async def put(self, source, destination, action="allow", **body):
        """Write an intention and let everything follow."""
        await self.room.put(source, destination, Action=action, **body)
        await settle()

    async def ask(self, body=None, *, query="", method="POST", principal=None, refusal=None):
        """Return the answer to a call; bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        plain = asking(query, method=method, body=raw, principal=principal)
        request = Request(**{name: getattr(plain, name) for name in _FIELDS}, refusal=refusal)
        try:
            found = await authorize(self.place, request)
        except Exception as error:  # noqa: BLE001 - one that is none of ours fails right here
            found = problem_response(error, "")
        return Answered(found.status, dict(found.headers), found.body.decode())

    async def decide(self, source, target, **more):
        """Return the answer for two services of this mesh."""
        return await self.ask({"Target": target, "ClientCertURI": uri(source), **more})

    def counted(self):
        """Return the metric's values by its labels."""
        (family,) = self.tallies.collect()
        return {tuple(one.labels.values()): one.value for one in family.samples}


_FIELDS = ("method", "path", "query", "headers", "body", "principal", "params", "remote")


@contextlib.asynccontextmanager
async def world(**options):
    """Run an agent; everything ends with it."""
    found = World(**options)
    await found.agent.start()
    await settle()
    try:
        yield found
    finally:
        await found.agent.close()
        await settle()
        found.room.store.close()
