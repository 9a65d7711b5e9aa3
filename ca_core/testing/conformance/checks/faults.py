"""Faults of a backend that is reached by HTTP: each is a typed error, and over when it is over."""

from datetime import timedelta

from ca_core.contract import (
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    UnavailableError,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.proxying import proxied
from ca_core.testing.conformance.trying import attempt
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level, Need
from ca_core.testing.faultproxy import FaultProxy
from ca_core.testing.faults import (
    Answer,
    Fault,
    Mangle,
    Reset,
    garbage,
    rate_limited,
    truncated,
)

CHECKS = Catalogue()

_BACKEND = (Need.BACKEND,)
_RETRY_AFTER = timedelta(seconds=17)

_ONE_TABLE = "Translate what your backend answers in one place, one table from status to error."


@CHECKS.check(
    "fault.forbidden",
    Level.L3,
    why="A missing permission that reads like an outage is searched for in the network.",
    sources=("S14", "Consul GH-15035", "Consul GH-13090"),
    fix="Raise `PermissionDeniedError(needed=[…])` with what an operator must allow.",
    needs=_BACKEND,
)
def fault_forbidden(arena: Arena) -> None:
    """A backend that answers 403 is PermissionDeniedError, with what would be needed."""
    with proxied(arena) as here:
        for what, found in here.calls(Answer(403)):
            error = found.error
            denied = isinstance(error, PermissionDeniedError) and any(error.needed)
            require(denied, f"{what} came to {found} when the backend answered 403")


@CHECKS.check(
    "fault.unavailable",
    Level.L3,
    why="A standby that asks for patience is asked again; a permanent error is not.",
    sources=("S15", "Consul GH-10630", "cert-manager GH-7741"),
    fix=_ONE_TABLE,
    needs=_BACKEND,
)
def fault_unavailable(arena: Arena) -> None:
    """A backend that answers 503 is UnavailableError."""
    _require_each(arena, Answer(503), "503", UnavailableError)


@CHECKS.check(
    "fault.status",
    Level.L3,
    why="A status that nobody expected came out as an exception of the HTTP library.",
    sources=("Certbot GH-9664", "S11"),
    fix=_ONE_TABLE + " Let the last line of it be `ProviderError`.",
    needs=_BACKEND,
)
def fault_status(arena: Arena) -> None:
    """A backend that answers 412, 500 or 502 is some ProviderError."""
    for status in (412, 500, 502):
        _require_each(arena, Answer(status), str(status), ProviderError)


@CHECKS.check(
    "fault.rate-limit",
    Level.L3,
    why="Whoever asks again too soon is refused again, and lengthens everybody's queue.",
    sources=("S30", "cert-manager GH-1430", "RFC 6585 §4"),
    fix="Raise `RateLimitedError` with the seconds of `Retry-After`.",
    needs=_BACKEND,
)
def fault_rate_limit(arena: Arena) -> None:
    """A backend that answers 429 is RateLimitedError, with the pause that it asked for."""
    with proxied(arena) as here:
        for what, found in here.calls(rate_limited(int(_RETRY_AFTER.total_seconds()))):
            error = found.error
            right = isinstance(error, RateLimitedError) and error.retry_after == _RETRY_AFTER
            require(right, f"{what} came to {found} when the backend asked for a pause of 17 s")


@CHECKS.check(
    "fault.refused",
    Level.L3,
    why="A backend that restarts refuses connections for seconds; that is no bug and no loss.",
    sources=("S15", "S11", "Consul GH-12607"),
    fix="Where no connection was made nothing was done: raise `UnavailableError`.",
    needs=_BACKEND,
)
def fault_refused(arena: Arena) -> None:
    """A backend that refuses connections is UnavailableError."""
    with FaultProxy(arena.subject.backend or "") as proxy:
        mesh = arena.unmade(address=proxy.address)
    found = attempt(
        lambda: mesh.provider.ensure_authority(mesh.ask.authority()), "ensure_authority()"
    )
    require(found.is_one_of(UnavailableError), f"without a backend it came to {found}")


@CHECKS.check(
    "fault.reset",
    Level.L3,
    why="A proxy that restarts cuts connections; an exception of the HTTP library told nobody.",
    sources=("S11", "Certbot GH-9664"),
    fix="Catch what your HTTP library raises: `UnavailableError` if nothing was sent, else "
    "`OutcomeUnknownError`.",
    needs=_BACKEND,
)
def fault_reset(arena: Arena) -> None:
    """A connection cut before an answer is UnavailableError or OutcomeUnknownError."""
    _require_each(arena, Reset(), "nothing any more", UnavailableError, OutcomeUnknownError)


@CHECKS.check(
    "fault.garbage",
    Level.L3,
    why="A captive portal or a load balancer's page answers 200 too.",
    sources=("Certbot GH-9664", "step-ca GH-1021"),
    fix="Parse in one place, and raise `ProviderError` for what cannot be parsed.",
    needs=_BACKEND,
)
def fault_garbage(arena: Arena) -> None:
    """A web page in place of the backend's answer is some ProviderError."""
    _require_each(arena, Mangle(garbage), "a web page", ProviderError)


@CHECKS.check(
    "fault.truncated",
    Level.L3,
    why="Half a certificate is the backend's fault; it is not the caller who must act.",
    sources=("linkerd GH-3880", "Consul GH-11449"),
    fix="Raise `ProviderError` for certificates that cannot be parsed, not `RequestError`.",
    needs=_BACKEND,
)
def fault_truncated(arena: Arena) -> None:
    """A certificate that ends in the middle is some ProviderError."""
    _require_each(arena, Mangle(truncated), "half a certificate", ProviderError)


def _require_each(arena: Arena, fault: Fault, answered: str, *kinds: type[Error]) -> None:
    """Fail unless every call that has ``fault`` ends with one of ``kinds``."""
    with proxied(arena) as here:
        for what, found in here.calls(fault):
            require(found.is_one_of(*kinds), f"{what} came to {found}; the backend sent {answered}")
