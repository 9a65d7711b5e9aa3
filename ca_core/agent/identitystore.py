"""Who this agent is, on disk: its key, its leaf, the roots it trusts, and when it renews.

``agent.key``, ``agent.pem``, ``bundle.pem`` and ``agent.json`` change together, in one rename; all
are 0600.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.agent.fileset import FileContent, read_set, swap
from ca_core.agent.tls import ClientPair
from ca_core.errors import ConfigError, RequestError
from ca_core.identity.certificates import bundle_digest, parse_certificates, pem_chain, spki_der
from ca_core.identity.leafcsr import key_pem
from ca_core.identity.spiffe import AgentId, ServerId, TrustDomain

KEY, LEAF, BUNDLE, FACTS = "agent.key", "agent.pem", "bundle.pem", "agent.json"
_NAMES = (KEY, LEAF, BUNDLE, FACTS)


class _Facts(msgspec.Struct, frozen=True):
    """What ``agent.json`` holds."""

    node: str
    trust_domain: str
    datacenter: str
    server: str
    issued_at: datetime
    renew_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentIdentity:
    """A joined agent.

    Attributes:
        id: its SPIFFE ID.
        key: its private key; never leaves the host.
        chain: its leaf first, then what leads to an anchor.
        anchors: the roots it trusts.
        server: URL of the server it joined.
        issued_at: when the leaf was received, by this host's clock.
        renew_at: drawn once at issue.
    """

    id: AgentId
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]
    anchors: tuple[x509.Certificate, ...]
    server: str
    issued_at: datetime
    renew_at: datetime

    def __repr__(self) -> str:
        return f"AgentIdentity({self.id}, not_after={self.not_after})"

    @property
    def not_after(self) -> datetime:
        """Return the end of the leaf, inclusive."""
        return self.chain[0].not_valid_after_utc

    @property
    def server_id(self) -> ServerId:
        """Return who a server of this datacenter must be."""
        return ServerId(trust_domain=self.id.trust_domain, datacenter=self.id.datacenter)

    @property
    def pair(self) -> ClientPair:
        """Return leaf and key as the TLS client shows them."""
        return ClientPair(pem_chain(self.chain), key_pem(self.key))

    def trusting(self, anchors: Sequence[x509.Certificate]) -> "AgentIdentity":
        """Return the same agent with another bundle; the same value if nothing changes."""
        if not anchors or bundle_digest(anchors) == bundle_digest(self.anchors):
            return self
        return replace(self, anchors=tuple(anchors))


class IdentityStore:
    """The agent's identity in its data folder, and the value that is current now.

    Reading happens once, when the store is made; ``save`` is durable before it returns.

    Raises:
        ConfigError: a file is open to others, unreadable, or does not fit its neighbours.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._current = _loaded(directory)

    @property
    def joined(self) -> AgentIdentity | None:
        """Return the identity, or None before the first join."""
        return self._current

    @property
    def current(self) -> AgentIdentity:
        """Return the identity.

        Raises:
            ConfigError: this agent has not joined yet.
        """
        if self._current is None:
            raise ConfigError(
                "this agent has not joined a server yet",
                where=str(self.directory),
                hint="run `ca-core token join --node NAME` on the server, "
                "then `ca-core agent --server URL --join TOKEN` here",
            )
        return self._current

    def save(self, identity: AgentIdentity) -> None:
        """Replace the identity, on disk first. Blocks for a few milliseconds (fsync).

        Raises:
            ConfigError: the folder cannot be written; the old identity stays.
        """
        swap(self.directory, _files_of(identity))
        self._current = identity


def _files_of(identity: AgentIdentity) -> dict[str, FileContent]:
    facts = _Facts(
        node=identity.id.node,
        trust_domain=str(identity.id.trust_domain),
        datacenter=identity.id.datacenter,
        server=identity.server,
        issued_at=identity.issued_at,
        renew_at=identity.renew_at,
    )
    return {
        KEY: FileContent(key_pem(identity.key).encode()),
        LEAF: FileContent(pem_chain(identity.chain).encode()),
        BUNDLE: FileContent(pem_chain(identity.anchors).encode()),
        FACTS: FileContent(msgspec.json.format(msgspec.json.encode(facts)) + b"\n"),
    }


def _loaded(directory: Path) -> AgentIdentity | None:
    for name in _NAMES:
        _refuse_open(directory / name)
    raw = read_set(directory, _NAMES)
    if raw is None:
        return None
    try:
        return _parsed(raw)
    except (msgspec.DecodeError, ValueError, RequestError, TypeError) as error:
        raise ConfigError(
            f"the agent's identity is damaged: {error}",
            where=str(directory),
            hint="move the folder away and join again with a new token",
        ) from None


def _refuse_open(path: Path) -> None:
    """Refuse a file that others may read or write, and one that somebody else could replace."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"cannot read: {error.strerror}", where=str(path)) from error
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(
            f"others may open this file (mode {stat.S_IMODE(found.st_mode):04o})",
            where=str(path),
            hint=f"chmod 600 {path}",
        )
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            f"belongs to uid {found.st_uid}, not to the user of the agent",
            where=str(path),
            hint=f"chown {os.geteuid()} {path}",
        )


def _parsed(raw: dict[str, bytes]) -> AgentIdentity:
    facts = msgspec.json.decode(raw[FACTS], type=_Facts)
    key = serialization.load_pem_private_key(raw[KEY], password=None)
    chain = parse_certificates(raw[LEAF], field=LEAF)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key is not an EC key")
    if spki_der(key.public_key()) != spki_der(chain[0].public_key()):
        raise ValueError(f"{KEY} does not belong to {LEAF}")
    return AgentIdentity(
        id=AgentId(
            trust_domain=TrustDomain(facts.trust_domain),
            datacenter=facts.datacenter,
            node=facts.node,
        ),
        key=key,
        chain=chain,
        anchors=parse_certificates(raw[BUNDLE], field=BUNDLE),
        server=facts.server,
        issued_at=facts.issued_at,
        renew_at=facts.renew_at,
    )
