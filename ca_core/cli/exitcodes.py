"""Exit codes of every command, and which error ends with which.

====  ==================================================================================
code  meaning
====  ==================================================================================
0     done; a server that was told to stop
1     failed for a reason of its own: a bug, a broken leaf, ``--exec``, a change that ended early
2     usage or input: an unknown option, a wrong configuration, a request refused as wrong
3     cannot reach the agent or server
4     denied: no right, or not enough
5     not ready: being made, rate limited, sealed, unavailable; trying again helps
6     the provider: it failed, cannot do that, or broke a rule of the guard
130   interrupted (Ctrl-C) while waiting; servers that are interrupted end with 0
====  ==================================================================================

``doctor`` alone grades: 0 all well, 1 warnings, 2 failures. ``provider conformance`` ends with 1 if
the level is not reached, ``provider verify-passport`` if the passport is not valid here.
"""

from enum import IntEnum

from ca_core.cli.failures import AnsweredError, TriedError, UnreachableError
from ca_core.errors import (
    ConfigError,
    DeniedError,
    Error,
    GuardError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)


class ExitCode(IntEnum):
    """What the shell sees; the table is in the module's docstring."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    DENIED = 4
    NOT_READY = 5
    PROVIDER = 6
    INTERRUPTED = 130


_BY_CLASS: tuple[tuple[type[Error], ExitCode], ...] = (
    (UnreachableError, ExitCode.UNREACHABLE),
    (DeniedError, ExitCode.DENIED),
    (RequestError, ExitCode.USAGE),
    (ConfigError, ExitCode.USAGE),
    (RateLimitedError, ExitCode.NOT_READY),
    (UnavailableError, ExitCode.NOT_READY),
    (GuardError, ExitCode.PROVIDER),
    (ProviderError, ExitCode.PROVIDER),
)
"""First match wins; subclasses stand above their parents."""

_BY_STATUS = {
    401: ExitCode.DENIED,
    403: ExitCode.DENIED,
    429: ExitCode.NOT_READY,
    501: ExitCode.PROVIDER,
    502: ExitCode.PROVIDER,
    503: ExitCode.NOT_READY,
    504: ExitCode.PROVIDER,
}


def exit_code_of(error: Error) -> ExitCode:
    """Return the code a command ends with when ``error`` stops it."""
    if isinstance(error, AnsweredError):
        return _of_status(error.status)
    if isinstance(error, TriedError):
        return ExitCode(error.code)
    matches = (code for kind, code in _BY_CLASS if isinstance(error, kind))
    return next(matches, ExitCode.FAILED)


def _of_status(status: int) -> ExitCode:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ExitCode.USAGE if 400 <= status < 500 else ExitCode.FAILED  # noqa: PLR2004 - HTTP's own classes
