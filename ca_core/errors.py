"""The one tree of errors, split by who must act.

The tree::

    ca_core.Error
    ├── ConfigError                    the operator: a setting, a file, a permission on a file
    │   └── PluginError                an installed plugin cannot be used; ``origin``
    │       ├── PluginUnknownError     nothing of that name is installed; ``known``
    │       ├── PluginDuplicateError   two distributions offer the name; ``owners``
    │       ├── PluginImportError      its import failed
    │       ├── PluginHookError        a hook, or an argument of one, that does not exist; or none
    │       ├── PluginAnswerError      its hook returned something else
    │       ├── PluginVersionError     written for an API version that is not served
    │       └── PluginConformanceError it has no passport that the configuration demands; ``level``
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
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOrigin:
    """Whose plugin it is, as metadata says; nothing of it was imported.

    Attributes:
        name: the entry point's name.
        distribution: the package that brings it; empty if nothing is installed.
        version: that package's version.
        entry_point: ``module`` or ``module:attribute``.
    """

    name: str
    distribution: str = ""
    version: str = ""
    entry_point: str = ""

    def __str__(self) -> str:
        if not self.distribution:
            return self.name
        return f"{self.name} ({self.distribution} {self.version}, {self.entry_point})"


class PluginError(ConfigError):
    """An installed plugin cannot be used, and nothing of it runs; ``origin`` names it.

    The text of a foreign exception is never in the message: it may hold a secret.
    """

    def __init__(
        self, fault: str, *, origin: PluginOrigin, where: str = "plugin", hint: str = ""
    ) -> None:
        super().__init__(f"{origin}: {fault}", where=where, hint=hint)
        self.origin = origin


class PluginUnknownError(PluginError):
    """Nothing of that name is installed; ``known`` are the names that are."""

    def __init__(self, fault: str, *, name: str, known: Sequence[str], where: str) -> None:
        hint = "`ca-core provider list` shows what is installed"
        ConfigError.__init__(self, fault, where=where, hint=hint)
        self.origin = PluginOrigin(name=name)
        self.known = tuple(known)


class PluginDuplicateError(PluginError):
    """Two distributions offer the same name; ``owners`` are both, never one chosen by chance."""

    def __init__(self, name: str, *, owners: Sequence[PluginOrigin], where: str) -> None:
        super().__init__(
            f"offered by two distributions: {' and '.join(map(str, owners))}",
            origin=PluginOrigin(name=name),
            where=where,
            hint="uninstall one of the two",
        )
        self.owners = tuple(owners)


class PluginImportError(PluginError):
    """Importing it failed, or it ended the process that tried."""


class PluginHookError(PluginError):
    """It implements a hook, or takes an argument, that does not exist; or no hook of its group."""


class PluginAnswerError(PluginError):
    """Its hook returned something that is not what the hook returns."""


class PluginVersionError(PluginError):
    """It was written for API versions that this core does not serve."""


class PluginConformanceError(PluginError):
    """It has no passport that the configuration demands; ``level`` is the one demanded."""

    def __init__(self, fault: str, *, origin: PluginOrigin, level: str, hint: str = "") -> None:
        where = "conformance.require_conformance"
        super().__init__(fault, origin=origin, where=where, hint=hint)
        self.level = level


class RequestError(Error):
    """What the caller sent cannot be accepted; ``field`` names the part of it that is wrong.

    ``fault`` is the message without that name, for whoever says in other words where it stands.
    """

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        is_named = not field or message.startswith(f"{field} ")
        super().__init__(message if is_named else f"{field}: {message}", hint=hint)
        self.field = field
        self.fault = message


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
        self.needed: tuple[str, ...] = tuple(needed)


class CapabilityUnsupportedError(ProviderError):
    """This provider, as configured, does not do that; ``capability`` is the undeclared one."""

    def __init__(self, capability: str) -> None:
        super().__init__(f"this provider does not support {capability}")
        self.capability = capability
