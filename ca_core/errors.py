"""The one tree of errors, split by who must act.

The tree::

    ca_core.Error
    ├── ConfigError                    the operator: a setting, a file, a permission on a file
    ├── RequestError                   the caller: what was sent cannot be accepted
    │   ├── DeniedError                the caller may not do this
    │   ├── NotFoundError              there is nothing of that name
    │   └── ConflictError              somebody else changed it first, or another change runs
    ├── GuardError                     a provider's answer broke a rule of the guard
    └── ProviderError                  the backend, or the code that speaks to it
        ├── RateLimitedError           asked too fast; ``retry_after``
        ├── UnavailableError           not reachable now; ``retry_after``
        ├── NotReadyError              the authority or signer does not exist yet
        ├── PendingError               the backend answers later; ``token``, ``poll_after``, ``csr``
        ├── OutcomeUnknownError        it may or may not have happened
        ├── SignerUnknownError         no signer of that id under this authority
        ├── AuthorityRetiredError      this id is dead for ever
        ├── PermissionDeniedError      the backend refused; ``needed``
        └── CapabilityUnsupportedError this provider does not do that; ``capability``

Nothing here knows HTTP; ``ca_core.api.problems`` is the only table from class to status.
No message or attribute ever carries a secret.
"""

from collections.abc import Sequence
from datetime import timedelta


class Error(Exception):
    """Root of every error this project raises on purpose.

    ``hint`` is the next step for the person who reads it, or empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(Error):
    """A setting is wrong; the operator must act.

    ``where`` names the place: a dotted key (``ca.config.address``), a file, or an environment
    variable.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.where = where


class RequestError(Error):
    """What the caller sent cannot be accepted; ``field`` names the part of it that is wrong."""

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message, hint=hint)
        self.field = field


class DeniedError(RequestError):
    """The caller is known (or anonymous) and may not do this."""


class NotFoundError(RequestError):
    """There is nothing of that name."""


class ConflictError(RequestError):
    """A compare-and-set was lost or another change is running; read again and decide anew."""


class GuardError(Error):
    """A provider returned a certificate that breaks a rule; nothing was released.

    Attributes:
        provider: name of the provider (its entry point).
        rule: id of the rule, for example ``leaf.3``; the list is in ``ca_core.authority.guard``.
        certificate: SHA-256 fingerprint of the offending certificate, lower-case hex, or empty.
    """

    def __init__(self, message: str, *, provider: str, rule: str, certificate: str = "") -> None:
        shown = f" (certificate {certificate[:16]}…)" if certificate else ""
        super().__init__(f"provider {provider!r} broke rule {rule}: {message}{shown}")
        self.provider = provider
        self.rule = rule
        self.certificate = certificate


class ProviderError(Error):
    """The backend, or the code that speaks to it, failed."""


class RateLimitedError(ProviderError):
    """Asked too fast; try again after ``retry_after``."""

    def __init__(self, message: str = "rate limited", *, retry_after: timedelta) -> None:
        super().__init__(f"{message}, retry in {retry_after.total_seconds():.1f} s")
        self.retry_after = retry_after


class UnavailableError(ProviderError):
    """Not reachable now (sealed, standby, connection refused); nothing was done."""

    def __init__(
        self, message: str, *, retry_after: timedelta = timedelta(seconds=1), hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NotReadyError(UnavailableError):
    """The authority or the signer does not exist yet; it is being made."""


class PendingError(ProviderError):
    """The backend accepted the request and answers later.

    The core stores ``token`` and calls again with ``pending=token`` and the same ``request_id``.

    Attributes:
        token: opaque, small, no secret.
        poll_after: do not ask again before this span has passed.
        csr: PEM of the request that somebody outside must sign (``EXTERNAL_ISSUER``), or empty.
    """

    def __init__(
        self, message: str = "pending", *, token: str, poll_after: timedelta, csr: str = ""
    ) -> None:
        super().__init__(message)
        self.token = token
        self.poll_after = poll_after
        self.csr = csr

    @property
    def retry_after(self) -> timedelta:
        """Return ``poll_after``, under the name that the other errors with a pause have."""
        return self.poll_after


class OutcomeUnknownError(ProviderError):
    """The request left and no answer came: it may or may not have happened."""


class SignerUnknownError(ProviderError):
    """No signer of that id under this authority; ``signer`` is the id asked for."""

    def __init__(self, signer: str) -> None:
        super().__init__(f"no signer {signer!r} under this authority")
        self.signer = signer


class AuthorityRetiredError(ProviderError):
    """This authority was retired: its id is dead for ever; ``authority`` is the id."""

    def __init__(self, authority: str) -> None:
        super().__init__(f"authority {authority!r} was retired; its id is never used again")
        self.authority = authority


class PermissionDeniedError(ProviderError):
    """The backend refused; ``needed`` lists the permissions that were missing."""

    def __init__(self, message: str, *, needed: Sequence[str] = (), hint: str = "") -> None:
        listed = f" (needed: {', '.join(needed)})" if needed else ""
        super().__init__(message + listed, hint=hint)
        self.needed = tuple(needed)


class CapabilityUnsupportedError(ProviderError):
    """This provider, as configured, does not do that; ``capability`` is the undeclared one."""

    def __init__(self, capability: str) -> None:
        super().__init__(f"this provider does not support {capability}")
        self.capability = capability
