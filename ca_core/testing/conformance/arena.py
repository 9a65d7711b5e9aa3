"""Where one check tries a provider: clusters, meshes, and an honest other side."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ca_core.contract import (
    Capability,
    ConfigError,
    KeySpec,
    Provider,
    ProviderContext,
    ProviderPlugin,
    Role,
    Signer,
)
from ca_core.testing.conformance.mesh import Cluster, Mesh
from ca_core.testing.conformance.rawconfig import secrets_of
from ca_core.testing.conformance.subject import ProviderUnderTest
from ca_core.testing.conformance.tempo import Tempo
from ca_core.testing.conformance.verdict import Inapplicable
from ca_core.testing.reference import reference_plugin

_SHORTEST_SECRET = 4
"""A shorter text stands in half of all words, and is not hidden by anything."""


class Arena:
    """One check's world; nothing of it is shared with another check but the backend.

    ``close`` retires every authority that was made here and closes every provider object.

    Attributes:
        subject: what the author supplied.
        plugin: the provider's descriptor.
        tempo: time and names.
        declared: what the provider declares in the role that the check asks for.
    """

    def __init__(
        self,
        subject: ProviderUnderTest,
        plugin: ProviderPlugin[Any],
        tempo: Tempo,
        declared: frozenset[Capability],
    ) -> None:
        self.subject = subject
        self.plugin = plugin
        self.tempo = tempo
        self.declared = declared
        self._config = subject.make_config(None)
        self._opened: list[Provider] = []
        self._made: dict[tuple[int, str], Mesh] = {}

    def discreet(self, text: str) -> str:
        """Return ``text`` without the secrets of the configuration: it goes into reports."""
        with suppress(Exception):  # whatever a plugin calls its schema
            for secret in secrets_of(self.plugin.schema, self._config):
                if len(secret) >= _SHORTEST_SECRET:
                    text = text.replace(secret, "<hidden>")
        return text

    @property
    def keys(self) -> tuple[KeySpec, ...]:
        """Return the CA keys that the backend can make, the usual one first."""
        return self.subject.keys

    def cluster(self, *, role: Role = Role.PRIMARY) -> Cluster:
        """Return a new cluster: its own state and secrets, on the same backend."""
        return Cluster(open=self.open, tempo=self.tempo, role=role, remember=self._remember)

    def unmade(self, *, role: Role = Role.PRIMARY, address: str | None = None) -> Mesh:
        """Open a provider for an authority that does not exist yet, in a new cluster.

        Args:
            role: of the cluster.
            address: of a fault proxy to go through, or None for the backend itself.
        """
        config = None if address is None else self.subject.make_config(address)
        return self.cluster(role=role).server(config=config)

    def mesh(self, *, key: KeySpec | None = None, address: str | None = None) -> Mesh:
        """Return a primary whose authority and first signer exist, both with ``key``."""
        found = self.unmade(address=address)
        found.ensure(key=key)
        found.prepare(key=key)
        return found

    def beside(self, mesh: Mesh, authority: str | None = None) -> Mesh:
        """Return another authority with its signer, in the same cluster; None is a new id.

        Raises:
            Inapplicable: one adopted CA serves one authority, and the second was refused rightly.
        """
        found = mesh.cluster.server(authority)
        try:
            found.ensure()
        except ConfigError:
            if mesh.provider.trust_chain().adopted:
                raise Inapplicable("an adopted CA serves one authority, not two") from None
            raise
        found.prepare()
        return found

    def secondary(self, *, key: KeySpec | None = None) -> tuple[Mesh, Signer]:
        """Return a secondary whose first signer an honest primary has signed, and that signer."""
        found = self.unmade(role=Role.SECONDARY)
        signer = self.tempo.new_id("s")
        primary = self.other_side()
        signed = primary.intermediate(found.csr(signer, key=key))
        return found, found.install(signer, (signed, *primary.provider.trust_chain().certificates))

    def other_side(self, *, key: KeySpec | None = None) -> Mesh:
        """Return an honest primary of another kind: what this one is rotated to, or signed by."""
        made = self._honest(Role.PRIMARY).server()
        made.ensure(key=key)
        made.prepare(key=key)
        return made

    def other_secondary(self) -> Mesh:
        """Return an honest secondary of another kind; nothing is installed in it yet."""
        return self._honest(Role.SECONDARY).server()

    def open(self, config: Mapping[str, Any] | None, context: ProviderContext) -> Provider:
        """Open a provider object; it is closed when the check ends."""
        provider = self.plugin.open(self._config if config is None else config, context)
        self._opened.append(provider)
        return provider

    def _honest(self, role: Role) -> Cluster:
        """Return a new cluster on a reference backend of its own."""
        plugin = reference_plugin()
        return Cluster(
            open=lambda config, context: plugin.open(config or {}, context),
            tempo=self.tempo,
            role=role,
        )

    def _remember(self, mesh: Mesh) -> None:
        self._made[id(mesh.cluster), mesh.authority] = mesh

    def close(self) -> None:
        """Retire what was made and close what was opened; a provider's errors here say nothing."""
        for mesh in tuple(self._made.values()):
            if not _quietly(mesh.retire):  # it may be closed, or reach a backend that is down
                _quietly(lambda mesh=mesh: mesh.another().retire())  # type: ignore[misc] # bound now
        for provider in self._opened:
            _quietly(provider.close)
        self._made.clear()  # nothing of this check outlives it: each mesh refers back to this
        self._opened.clear()


def _quietly(call: Callable[[], object]) -> bool:
    """Call, and say whether it went well: the check has its verdict already."""
    with suppress(Exception):
        call()
        return True
    return False
