"""What a decision says: whether, by what, and why."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import msgspec

from ca_core.intentions.model import Intention
from ca_core.intentions.packed import packed, unpacked


class Why(StrEnum):
    """What decided; few values, so that metrics may carry them."""

    INTENTION = "intention"
    """An intention with an action."""
    PERMISSION = "permission"
    """An intention with permissions: one of them, where the request is known."""
    L7 = "l7"
    """An intention with permissions, where no request is known: always a denial."""
    DEFAULT = "default"
    """The default intention policy."""
    ACL_DEFAULT = "acl_default"
    """No default intention policy is set: the default policy of tokens."""
    REQUEST = "request"
    """An intention with permissions, and a request that can be read in several ways: a denial."""
    TRUST_DOMAIN = "trust_domain"
    """The caller is of another trust domain."""
    DATACENTER = "datacenter"
    """The caller is of another datacenter, and that is checked."""
    CERTIFICATE = "certificate"
    """The certificate that was shown is expired, revoked, or not of this mesh: the reason says."""
    STALE = "stale"
    """Nothing newer than ``max_staleness`` is known."""


@dataclass(frozen=True, slots=True)
class Default:
    """What holds where no intention matches."""

    allowed: bool
    why: Why = Why.ACL_DEFAULT


class Decision(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One answer; a Struct, because millions are kept and no collector has to look at them.

    Two are equal if they say the same, however they keep it.

    Attributes:
        allowed: whether the caller may.
        why: what decided.
        intention: the one that decided; None for a default and for everything before intentions.
        permission: position of the permission that decided, from 0; -1 if none did.
        would: what an intention in observe mode would have said instead; None if none did.
    """

    allowed: bool
    why: Why
    intention: Intention | None = None
    permission: int = -1
    would: "Decision | None" = None

    @property
    def reason(self) -> str:
        """Return it in one sentence, in Consul's words where Consul has some."""
        match self.why:
            case Why.INTENTION:
                return f"Matched L4 intention: {self.intention}"
            case Why.L7:
                return f"Matched L7 intention: {self.intention}"
            case Why.PERMISSION:
                return f"Matched L7 intention: {self.intention}, Permissions[{self.permission}]"
            case _:
                return _SENTENCES[self.why]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decision) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash((self.allowed, self.why, self.permission))

    @property
    def _parts(self) -> tuple[object, ...]:
        return (self.allowed, self.why, self.intention, self.permission, self.would)


class Misshown(Decision, frozen=True, gc=False, eq=False):
    """A denial for the certificate that was shown.

    Attributes:
        fault: what is wrong with it; one of a few sentences, none of the certificate's own words.
    """

    fault: str = ""

    @classmethod
    def by(cls, fault: str) -> "Misshown":
        """Return the denial for this fault."""
        return cls(allowed=False, why=Why.CERTIFICATE, fault=fault)

    @property
    def reason(self) -> str:
        """Return it as ``Decision.reason``, with what is wrong."""
        return f"{_SENTENCES[self.why]}: {self.fault}"

    @property
    def _parts(self) -> tuple[object, ...]:
        return (self.allowed, self.why, self.fault)


class Compiled(Decision, frozen=True, gc=False, eq=False):
    """What the index keeps of an intention: the decision by it, which unpacks it when asked.

    Attributes:
        packed: the intention, as ``packed.packed`` makes it.
    """

    packed: bytes = b""

    @classmethod
    def of(cls, intention: Intention) -> "Compiled":
        """Return what is decided wherever this one wins and no request is known."""
        if intention.action is None:
            return cls(allowed=False, why=Why.L7, packed=packed(intention))
        return cls(intention.action.allows, Why.INTENTION, packed=packed(intention))

    @property
    def precedence(self) -> int:
        """Return the intention's precedence, without unpacking it."""
        return self.packed[0]

    @property  # type: ignore[misc]  # a field of the other, but both are only read
    def intention(self) -> Intention:
        """Return the intention, a new value each time."""
        return unpacked(self.packed)

    @property
    def reason(self) -> str:
        """Return it as ``Decision.reason``; remembered, since hosts tell the same ones again."""
        return _reason(self.packed)

    def __repr__(self) -> str:
        shown = Decision(self.allowed, self.why, self.intention, self.permission, self.would)
        return repr(shown)


@lru_cache(maxsize=4096)
def _reason(packed: bytes) -> str:
    intention = unpacked(packed)
    return f"Matched {'L7' if intention.action is None else 'L4'} intention: {intention}"


_SENTENCES = {
    Why.DEFAULT: "Default intention policy",
    Why.ACL_DEFAULT: "Default behavior configured by ACLs",
    Why.REQUEST: "The request can be read in more than one way",
    Why.TRUST_DOMAIN: "Identity from an external trust domain",
    Why.DATACENTER: "Identity from another datacenter",
    Why.CERTIFICATE: "The certificate is not valid here",
    Why.STALE: "What is known here is too old to decide by",
}
