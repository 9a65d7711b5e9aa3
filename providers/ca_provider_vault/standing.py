"""How the token stands, for health, metrics and doctor; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.contract import Credential
from ca_provider_vault.lease import TokenLease, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the token stands; no secret.

    Attributes:
        method: ``token``, ``token_file`` or the auth method.
        ends: aware UTC; None if it never expires, or none was taken yet.
        runway: what is left; None likewise.
        failures: renewals or logins that failed in a row.
        last_error: of the last one; '' if it went well.
        credential: the same as the contract has it; None if none was asked for yet.
    """

    method: str
    ends: datetime | None
    runway: timedelta | None
    failures: int
    last_error: str
    credential: Credential | None

    def is_dead(self, now: datetime) -> bool:
        """Say whether there is no token that works, and none could be had."""
        return self.credential is not None and self.credential.runway(now) == timedelta()


def standing_of(
    method: str,
    lease: TokenLease | None,
    trouble: Trouble,
    now: datetime,
    *,
    disowned: datetime | None = None,
) -> Standing:
    """Return how a token stands.

    Args:
        method: how it comes.
        lease: the token; None if there is none.
        trouble: the attempts that failed.
        now: aware UTC.
        disowned: when the server was found not to know it any more, which ends it; None if it does.
    """
    ends = _end_of(lease, disowned)
    return Standing(
        method=method,
        ends=ends,
        runway=None if ends is None else max(ends - now, timedelta()),
        failures=trouble.failures,
        last_error=trouble.last_error,
        credential=_credential(lease, ends, trouble),
    )


def _end_of(lease: TokenLease | None, disowned: datetime | None) -> datetime | None:
    if lease is None:
        return None
    ends = [end for end in (lease.ends, disowned) if end is not None]
    return min(ends, default=None)


def _credential(
    lease: TokenLease | None, ends: datetime | None, trouble: Trouble
) -> Credential | None:
    """Return the credential; one that could not even be taken ended with the last attempt."""
    if lease is None and not trouble.failures:
        return None
    return Credential(
        ends=trouble.last if lease is None else ends,
        failures=trouble.failures,
        last_error=trouble.last_error,
    )
