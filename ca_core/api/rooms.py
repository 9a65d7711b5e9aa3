"""What handlers may use: one object for the server's side, one for the agent's, one for both."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from secrets import token_bytes
from typing import Any, Protocol

from ca_core.acl.access import Action, May
from ca_core.acl.policies import ACL_TOPIC
from ca_core.acl.principal import Principal, Token
from ca_core.acl.resolving import denial
from ca_core.acl.tokens import Draw
from ca_core.agent.agent import Agent
from ca_core.agent.services.services import Services
from ca_core.allowances import Allowances
from ca_core.api.cataloguing import Cataloguing
from ca_core.api.decisions import Decisions, untold_decisions
from ca_core.api.granting import Granting
from ca_core.api.http import Request
from ca_core.api.keptanswers import KeptAnswers
from ca_core.api.keysets import KeySets
from ca_core.api.membership import Membership
from ca_core.api.questions import Questions, asking_allowances
from ca_core.api.viewheaders import remembered_headers, stored_headers
from ca_core.authority.events import Events
from ca_core.authority.manager import CAManager
from ca_core.catalog.views import ViewAnswer, Views
from ca_core.clock import Clock, SystemClock
from ca_core.errors import DeniedError
from ca_core.intentions.following import Following
from ca_core.intentions.observed import Collected
from ca_core.lifecycle.lifecycle import Lifecycle
from ca_core.lifecycle.reachability import Reachability
from ca_core.lifecycle.rows import Wishes
from ca_core.state.store import Store
from ca_core.telemetry.metrics import Metrics

_LOOK_EVERY = 60.0
"""Seconds after which a server looks whether a token has ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRoom:
    """The server's state and what works on it.

    Attributes:
        lifecycle: changes who signs.
        intentions: the newest index of them; it follows the store.
        granting: tokens at agents.
        reachability: which agents call; this process's memory only.
        observed: what agents said that intentions in observe mode would have denied.
        questions: which question of each agent waits.
        asking: how much each agent may still ask.
        events: tells plugins what happened; nobody by default.
        leader: address of the server that holds the lease, for ``/v1/status/leader``.
        wishes: how a change goes where a request does not say more.
        drift: says how the configuration file differs from what was applied last; '' if it does
            not. Blocks.
        draw: gives unpredictable bytes: secrets of tokens, ids.
        keysets: knows the keys of auth methods.
        catalog: the newest, and what goes with it.
        kept: answers made of the catalog's views.
        rekey: makes a new key-encryption key the one that writes, and rewraps every secret.
    """

    store: Store
    manager: CAManager
    membership: Membership
    lifecycle: Lifecycle
    intentions: Following
    granting: Granting
    catalog: Cataloguing
    reachability: Reachability
    clock: Clock
    may: May
    random: Random
    leader: Callable[[], str]
    rekey: Callable[[], dict[str, Any]]
    wishes: Wishes = field(default_factory=Wishes)
    drift: Callable[[], str] = str
    draw: Draw = token_bytes
    keysets: KeySets = field(default_factory=lambda: KeySets(SystemClock()))
    events: Events = field(default_factory=Events)
    observed: Collected = field(default_factory=Collected)
    questions: Questions = field(default_factory=Questions)
    asking: Allowances[str] = field(default_factory=lambda: asking_allowances(SystemClock()))
    kept: KeptAnswers = field(default_factory=KeptAnswers)

    @property
    def views(self) -> Views:
        """Return the views of the catalog, from the store."""
        return self.catalog.views

    @property
    def datacenter(self) -> str:
        """Return the datacenter that this server is of."""
        return self.manager.datacenter

    def view_headers(self, answer: ViewAnswer) -> dict[str, str]:
        """Return the headers of a view from the store."""
        return stored_headers(answer, self.store.snapshot.epoch)

    async def rights_changed(self, seconds: float) -> None:
        """Return when tokens or policies changed, or one may have ended."""
        index = self.store.snapshot.topic_index(ACL_TOPIC)
        await self.store.wait((ACL_TOPIC,), index, min(seconds, _LOOK_EVERY))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRoom:
    """The agent, and who may have what of it.

    Attributes:
        decisions: answers its authorizer's verdicts.
        kept: answers made of the agent's views.
    """

    agent: Agent
    may: May
    clock: Clock
    random: Random
    decisions: Decisions = field(default_factory=untold_decisions)
    kept: KeptAnswers = field(default_factory=KeptAnswers)

    @property
    def views(self) -> Views:
        """Return the views of the catalog, from memory."""
        return self.agent.views

    @property
    def datacenter(self) -> str:
        """Return the datacenter that this agent is of."""
        return self.agent.datacenter

    @property
    def services(self) -> Services:
        """Return what programs of this host registered."""
        return self.agent.services

    def view_headers(self, answer: ViewAnswer) -> dict[str, str]:
        """Return the headers of a view from memory."""
        return remembered_headers(answer)

    async def rights_changed(self, seconds: float) -> None:
        """Return when anybody may more or less here than before."""
        await self.agent.services.changed.changed(seconds, self.clock)


async def _nothing() -> str:
    """Ask nobody, and have nothing to remark."""
    return ""


SomeServer = Callable[[], str]
"""Gives the URL of a server, or how one is written where none is known."""


def server_somewhere() -> str:
    """Return how the URL of a server is written."""
    return "https://HOST:8501"


class Readiness(Protocol):
    """Says why a process cannot do its work now; empty if it can."""

    def __call__(self) -> str:
        """Return the reason, or ''."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRoom:
    """What every process answers about itself.

    Attributes:
        why_not_ready: one sentence, or empty.
        before_scrape: brings up to date what metrics show from memory; ends soon, and never raises.
        remark: what one should know although it is ready, or empty; ends soon, and never raises.
        openapi: the document, made once.
        clock: what ``/healthz`` tells, so that a client can compare its own.
        server: the URL of a server, for what this process does not answer.
    """

    metrics: Metrics
    may: May
    why_not_ready: Readiness
    before_scrape: Callable[[], Awaitable[object]] = _nothing
    remark: Callable[[], Awaitable[str]] = _nothing
    openapi: Callable[[], bytes] = bytes
    clock: Clock = field(default_factory=SystemClock)
    server: SomeServer = server_somewhere


def require(may: May, request: Request, action: Action, name: str = "") -> None:
    """Refuse a request of a caller without the right.

    Raises:
        DeniedError: as ``require_right``; or the caller's token is nobody's.
    """
    if request.refusal is not None:
        raise request.refusal
    require_right(may, request.principal, action, name)


def require_right(may: May, caller: Principal, action: Action, name: str = "") -> None:
    """Refuse a caller without the right.

    Raises:
        DeniedError: names the right that is missing, not the caller's secrets.
    """
    if not may(caller, action, name):  # whoever has a token knows that its rules decide
        hint = "" if isinstance(caller, Token) else _HINTS.get(action, "")
        raise DeniedError(denial(caller, action, name), hint=hint)


_OPERATORS = "operators send a token, or use the server's unix socket, as root or as its own user"

_HINTS = {
    Action.SERVICE_WRITE: (
        "outside dev, that right belongs to tokens that were given it, and, over the agent's unix"
        " socket, to the users listed under [agent.workloads]"
    ),
    Action.INTENTION_READ: _OPERATORS,
    Action.INTENTION_WRITE: _OPERATORS,
    Action.OPERATOR_READ: _OPERATORS,
    Action.OPERATOR_WRITE: _OPERATORS,
    Action.ACL_READ: _OPERATORS,
    Action.ACL_WRITE: _OPERATORS,
}
