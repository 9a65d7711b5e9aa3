"""One failure of a Vault server, and what every method of the provider comes to during it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

WORKS = "works"
TELLS = "lists what is missing"
HEALTHY = "ok"
SICK = "not ok"

UNAVAILABLE = "UnavailableError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure, and what every method comes to during it.

    An outcome is the name of a class of ``ca_core.errors``, ``WORKS``, or what an answer says.

    Attributes:
        id: the tests' name of it.
        name: what happens, for operators.
        writes: what every method comes to that makes, signs, installs, revokes or removes.
        crl: what ``crl`` comes to, which only reads.
        probe: what ``probe`` comes to.
        health: what deep ``health`` says.
        but: methods that differ from the others → their outcome.
        itself: what the provider does without being asked.
        operator: what is left to do.
        back: when every method works again.
    """

    id: str
    name: str
    writes: str = UNAVAILABLE
    crl: str = UNAVAILABLE
    probe: str = UNAVAILABLE
    health: str = SICK
    but: Mapping[str, str] = field(default_factory=dict)
    itself: str
    operator: str = "nothing"
    back: str = "2 s after its end"

    def of(self, method: str) -> str:
        """Return what one method comes to."""
        alone = {"crl": self.crl, "probe": self.probe, "health": self.health}
        return self.but.get(method) or alone.get(method, self.writes)
