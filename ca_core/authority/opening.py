"""Opening the configured provider: its context, its configuration, and the guard around it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ca_core.authority.bystanders import Bystanders
from ca_core.authority.configuration import provider_config, settings_of
from ca_core.authority.guard import GuardedProvider
from ca_core.authority.judge import place_of
from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    AUTHORITIES,
    CLUSTER,
    CONFIGURATION,
    CONFIGURATIONS,
    AuthorityRow,
    ClusterRow,
    ConfigurationRow,
    read,
    trust_domain,
)
from ca_core.authority.settings import CASettings
from ca_core.clock import Clock
from ca_core.contract.answers import TrustChain
from ca_core.contract.capabilities import Role
from ca_core.contract.context import ProviderContext
from ca_core.contract.events import EventType
from ca_core.errors import Error, GuardError, NotReadyError, ProviderError
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.kek import KeyRing
from ca_core.state.providerstate import StoredProviderState
from ca_core.state.secrets import EncryptedSecrets
from ca_core.state.store import Store
from ca_core.telemetry.logs import redacted

OWN_SECRETS = "_core"
"""Namespace of the core's own secrets; no entry point can have this name and pass for it."""

_log = logging.getLogger("ca_core.authority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the manager tells about itself; called on the thread where it happens."""

    on_violation: Callable[[GuardError], None]
    on_issued: Callable[[str], None]
    on_bug: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens providers on one store.

    Attributes:
        keyring: the key-encryption keys that are live now.
        bystanders: the plugins that review leaves and are told events; nobody by default.
    """

    store: Store
    keyring: Callable[[], KeyRing]
    registry: Registry
    clock: Clock
    counters: Counters
    bystanders: Bystanders = field(default_factory=Bystanders)

    @property
    def own_secrets(self) -> EncryptedSecrets:
        """Return where the core keeps the secrets of the configuration."""
        return EncryptedSecrets(self.store, self.keyring, OWN_SECRETS)

    def datacenter(self) -> str:
        """Return this datacenter's name; empty before the cluster row is written."""
        row = read(self.store.snapshot, ClusterRow, CLUSTER, "identity")
        return row.datacenter if row else ""

    def trust_domain(self) -> TrustDomain:
        """Return the cluster's trust domain.

        Raises:
            NotReadyError: the cluster row has not been written.
        """
        domain = trust_domain(self.store.snapshot)
        if domain is None:
            raise NotReadyError("the trust domain has not been drawn yet")
        return domain

    def configuration(self, configuration: str = "") -> ConfigurationRow:
        """Return a configuration by its id; '' is the one that stands.

        Raises:
            NotReadyError: there is none.
        """
        table, key = (CONFIGURATIONS, configuration) if configuration else (CONFIGURATION, "ca")
        row = read(self.store.snapshot, ConfigurationRow, table, key)
        if row is None:
            raise NotReadyError(f"there is no configuration {configuration or 'yet'}")
        return row

    def opened(self, authority: str, configuration: str = "") -> GuardedProvider:
        """Open a configured provider under the guard. Blocks, may fail, creates nothing.

        Args:
            authority: id of the authority that it is to serve.
            configuration: id of the configuration that reaches it; '' is the one that stands.

        Raises:
            Error: the plugin cannot be loaded, refuses its configuration, or fails to open.
        """
        found = self.configuration(configuration)
        tell, name = self.bystanders.events.tell, found.provider
        try:
            config = provider_config(found, self.own_secrets)
            guarded = self._guarded(settings_of(found), config, authority)
        except Error as error:
            tell(EventType.PROVIDER_UNAVAILABLE, provider=name, error=redacted(str(error)))
            raise
        tell(EventType.PROVIDER_OPENED, provider=name)
        return guarded

    def trial(self, settings: CASettings, authority: str) -> GuardedProvider:
        """Open a provider under a configuration that is stored nowhere. Blocks, creates nothing.

        Args:
            settings: the configuration, secrets in clear.
            authority: id of the authority that it is asked about.

        Raises:
            Error: the plugin cannot be loaded, refuses its configuration, or fails to open.
        """
        return self._guarded(settings, settings.config, authority)

    def _guarded(
        self, settings: CASettings, config: Mapping[str, object], authority: str
    ) -> GuardedProvider:
        name = settings.provider
        plugin = self.registry.get(name)
        context = self._context(name, authority)
        try:
            inner = plugin.open(config, context)
        except Error:
            raise
        except Exception as error:
            what = f"{type(error).__name__} at {place_of(error)}"
            text = f"provider {name!r} failed to open: {what}; this is a bug of the provider"
            raise ProviderError(text) from error
        guarded = GuardedProvider(
            inner,
            name=name,
            trust_domain=self.trust_domain(),
            clock=self.clock,
            strict_key_usage=settings.strict_key_usage,
            on_violation=self.counters.on_violation,
            on_bug=lambda _error: self.counters.on_bug(name),
            logger=_log,
        )
        known = read(self.store.snapshot, AuthorityRow, AUTHORITIES, authority)
        if known is not None:  # whatever the provider says after a restart, this is the authority
            guarded.adopt_authority(TrustChain(known.certificates))
        return guarded

    def _context(self, name: str, authority: str) -> ProviderContext:
        return ProviderContext(
            trust_domain=self.trust_domain(),
            datacenter=self.datacenter(),
            role=Role.PRIMARY,
            authority_id=authority,
            clock=self.clock,
            state=StoredProviderState(self.store, name),
            secrets=EncryptedSecrets(self.store, self.keyring, name),
            logger=logging.getLogger(f"ca_core.provider.{name}"),
        )
