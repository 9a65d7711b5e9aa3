"""The authorizer: may this client connect to this service of the host? From memory, with a reason.

A denial is an answer, never an error; an error is raised where nothing is known to decide by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from ca_core.agent.cache.freshening import fresh_enough
from ca_core.agent.intentions import IntentionCache
from ca_core.agent.revocations import Revocations
from ca_core.agent.shownchain import ShownChains
from ca_core.identity.spiffe import ServiceId, TrustDomain
from ca_core.intentions.deciding import decide_request
from ca_core.intentions.decision import Decision, Misshown, Why
from ca_core.intentions.lists import Held
from ca_core.intentions.model import Name
from ca_core.intentions.requests import HttpRequest
from ca_core.wire.freshness import ANY_AGE, Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeRules:
    """What is looked at besides intentions.

    Attributes:
        foreign_trust_domains: whether clients of other trust domains are judged by name alone.
        check_datacenter: whether clients of other datacenters are denied.
        check_serial: whether a serial number must be told, be that of the chain if one is shown,
            and not be revoked.
    """

    foreign_trust_domains: bool = False
    check_datacenter: bool = False
    check_serial: bool = False


class Question(msgspec.Struct, frozen=True, gc=False):
    """May ``client`` connect to ``destination``?

    Attributes:
        source: the client as intentions name it.
        serial: of the client's certificate, colon hex, as the caller told it.
        chain: PEM as the client showed it, leaf first; '' if the caller has verified it.
        request: None at L4.
    """

    client: ServiceId
    source: Name
    destination: Name
    serial: str = ""
    chain: str = ""
    request: HttpRequest | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """A decision, and what it was made from.

    Attributes:
        hit: whether it came from memory at once.
        age: how old what is known is; zero while a server answers.
        held: what decided; None where it was decided before intentions are looked at.
    """

    decision: Decision
    hit: bool = True
    age: timedelta = timedelta()
    held: Held | None = None


class Authorizer:
    """Decides for one agent. Used from one event loop.

    Args:
        intentions: those of the services of this host.
        chains: verifies what clients show, by ``revocations`` among others.
        trust_domain: the mesh's; raises ``NotReadyError`` while it is not known.
        datacenter: the agent's own.
    """

    def __init__(
        self,
        intentions: IntentionCache,
        chains: ShownChains,
        revocations: Revocations,
        trust_domain: Callable[[], TrustDomain],
        datacenter: str,
        rules: AuthorizeRules,
    ) -> None:
        self._intentions = intentions
        self._chains = chains
        self._revocations = revocations
        self._trust_domain = trust_domain
        self._datacenter = datacenter
        self._rules = rules

    @property
    def by_names_alone(self) -> bool:
        """Say whether two calls with equal names are decided alike until intentions change."""
        return not self._rules.check_serial

    async def decide(self, question: Question, freshness: Freshness = ANY_AGE) -> Verdict:
        """Decide; ``freshness`` says how old the intentions may be for the caller.

        1. The client is of this trust domain, unless a setting lets others in.
        2. It is of this datacenter, if a setting asks for that.
        3. The chain that was shown is of this mesh, of this client, alive and not revoked.
        4. The intentions of the destination are here, or fetched now.
        5. They are not older than ``max_staleness``.
        6. Intentions decide, with the request if there is one; else the default.

        Raises:
            RequestError: the chain is no chain.
            NotReadyError: the trust domain, or the roots to verify a chain by, are not known yet.
            Error: (4) failed, no server answered who was to be asked anew, or what was revoked is
                not known yet.
        """
        refused = self._refused(question)
        if refused is None and (question.chain or self._rules.check_serial):
            refused = await self._misshown(question)
        if refused is not None:
            return Verdict(refused)
        held, hit = self._intentions.known(question.destination), True
        if held is not None and freshness is not ANY_AGE:
            hit = await self._fresh_enough(freshness)
            held = self._intentions.known(question.destination)
        if held is None:
            held, hit = await self._intentions.fetched(question.destination), False  # (4)
        if self._intentions.is_stale:
            return Verdict(Decision(allowed=False, why=Why.STALE), hit, self._intentions.age)  # (5)
        return Verdict(_decided(held, question), hit, self._intentions.age, held)

    async def _fresh_enough(self, freshness: Freshness) -> bool:
        intentions = self._intentions
        return await fresh_enough(freshness, lambda: intentions.age, intentions.asked_anew)

    def _refused(self, question: Question) -> Decision | None:
        client, rules = question.client, self._rules
        is_foreign = client.trust_domain.name != self._trust_domain().name
        if is_foreign and not rules.foreign_trust_domains:
            return Decision(allowed=False, why=Why.TRUST_DOMAIN)  # (1)
        if rules.check_datacenter and client.datacenter != self._datacenter:
            return Decision(allowed=False, why=Why.DATACENTER)  # (2)
        return None

    async def _misshown(self, question: Question) -> Decision | None:
        if question.chain:
            await self._revocations.refreshed()
        serial = question.serial if self._rules.check_serial else None
        fault = self._chains.fault(question.chain, question.client, serial)
        return Misshown.by(fault) if fault else None  # (3)


def _decided(held: Held, question: Question) -> Decision:
    if question.request is None:
        return held.index.decide(question.source, question.destination)
    return decide_request(held.index, question.source, question.destination, question.request)
