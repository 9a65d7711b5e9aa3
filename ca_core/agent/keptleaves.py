"""Leaves as they are kept on disk: what is written, and what of it is good when read; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.acl.principal import Anonymous, Peer, Principal, Token, partition_key
from ca_core.agent.joining import Draw
from ca_core.agent.leafbody import IssuerChain, LeafBody
from ca_core.agent.leafrecord import HeldLeaf, LeafName, LeafRecord
from ca_core.agent.signing import Signer
from ca_core.agent.verification import Wanted, verified_chain
from ca_core.errors import Error, ProviderError
from ca_core.identity.spiffe import parse_spiffe_id
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoots

RETURN_SPREAD = timedelta(seconds=30)
"""What is due after a restart and nobody waits for is issued within this span, not at once."""

_FORMAT = 1


class KeptChain(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves of one signer have in common; see ``IssuerChain``."""

    json: bytes
    key_id: str
    certificate: str


class KeptLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf with its key, and whose it is.

    Attributes:
        owner: its partition; of a token the accessor, never the secret.
        gid, loopback: what else is known of a local caller.
        chain: position in ``Kept.chains``.
    """

    owner: str
    gid: int = 0
    loopback: bool = False
    service: str
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    head: bytes
    chain: int
    tail: bytes
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    renew_at: datetime
    last_used: datetime
    asked_under: str
    index: int

    def __repr__(self) -> str:
        return f"KeptLeaf({self.owner}, {self.service}, not_after={self.not_after})"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is kept; holds secrets.

    Attributes:
        saved_at: when, by this host's clock.
        roots, roots_index: what was known of the roots; None if nothing was.
    """

    format: int = _FORMAT
    saved_at: datetime
    roots: CARoots | None = None
    roots_index: int = 0
    chains: tuple[KeptChain, ...] = ()
    leaves: tuple[KeptLeaf, ...] = ()

    def __repr__(self) -> str:
        return f"Kept({len(self.leaves)} leaves, saved_at={self.saved_at})"


def decoded(raw: bytes) -> Kept:
    """Return what was kept.

    Raises:
        ProviderError: it is something else, or of another version.
    """
    try:
        kept = msgspec.msgpack.decode(raw, type=Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProviderError(f"no leaves are in it: {error}") from None
    if kept.format != _FORMAT:
        raise ProviderError(f"its format is {kept.format}, not {_FORMAT}")
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What of the kept leaves goes on.

    Attributes:
        present: leaves of local callers, in use; and such as are wanted, but were no good.
        absent: leaves of tokens, until the token is shown again.
    """

    present: tuple[LeafRecord, ...] = ()
    absent: tuple[LeafRecord, ...] = ()


def kept_of(
    records: Iterable[LeafRecord], roots: tuple[CARoots, int] | None, now: datetime
) -> Kept:
    """Return what is to be kept; a record without a leaf that lives is left out."""
    chains: dict[IssuerChain, int] = {}
    leaves = tuple(
        _kept(record, leaf, chains.setdefault(leaf.body.chain, len(chains)))
        for record in records
        if (leaf := record.leaf) is not None
        and leaf.servable(now)
        and _principal(record.name.partition) is not None
    )
    return Kept(
        saved_at=now,
        roots=roots[0] if roots else None,
        roots_index=roots[1] if roots else 0,
        chains=tuple(
            KeptChain(json=c.json, key_id=c.signer.key_id, certificate=c.signer.certificate)
            for c in chains
        ),
        leaves=leaves,
    )


def restored(
    kept: Kept, anchors: Sequence[x509.Certificate], now: datetime, draw: Draw
) -> Restored:
    """Return the records for what was kept; each leaf is verified against ``anchors``.

    A leaf keeps its moment of renewal; one that has passed is drawn anew within ``RETURN_SPREAD``.
    So is the moment at which one that is no good is issued anew, if it was a local caller's. Blocks
    for half a millisecond a leaf.
    """
    chains = [IssuerChain(c.json, Signer(c.key_id, c.certificate)) for c in kept.chains]
    present, absent = [], []
    for leaf in kept.leaves:
        record = _record(leaf, chains, anchors, now, now + draw() * RETURN_SPREAD)
        if record is None:
            continue
        if not isinstance(record.principal, Token):
            present.append(record)
        elif record.leaf is not None:
            absent.append(record)
    return Restored(present=tuple(present), absent=tuple(absent))


def _kept(record: LeafRecord, leaf: HeldLeaf, chain: int) -> KeptLeaf:
    owner, name = record.principal, record.name
    return KeptLeaf(
        owner=partition_key(owner),
        gid=owner.gid if isinstance(owner, Peer) else 0,
        loopback=isinstance(owner, Anonymous) and owner.loopback,
        service=name.service,
        dns_names=name.dns_names,
        addresses=tuple(str(each) for each in name.ip_addresses),
        head=leaf.body.head,
        chain=chain,
        tail=leaf.body.tail,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        issued_at=leaf.issued_at,
        renew_at=leaf.renew_at,
        last_used=record.last_used,
        asked_under=leaf.asked_under,
        index=leaf.index,
    )


def _record(
    kept: KeptLeaf,
    chains: Sequence[IssuerChain],
    anchors: Sequence[x509.Certificate],
    now: datetime,
    later: datetime,
) -> LeafRecord | None:
    """Return a record, with its leaf if that is good; None if it names nobody who can come back."""
    principal = _principal(kept.owner, kept.gid, loopback=kept.loopback)
    if principal is None or not 0 <= kept.chain < len(chains):
        return None
    addresses = tuple(ip_address(text) for text in kept.addresses)
    name = LeafName(partition_key(principal), kept.service, kept.dns_names, addresses)
    leaf = _held(kept, chains[kept.chain], now, later)
    if _is_good(name, leaf, anchors, now):
        return LeafRecord(name=name, last_used=kept.last_used, principal=principal, leaf=leaf)
    return LeafRecord(name=name, last_used=now, principal=principal, wanted_at=later)


def _held(kept: KeptLeaf, chain: IssuerChain, now: datetime, later: datetime) -> HeldLeaf:
    return HeldLeaf(
        body=LeafBody(kept.head, chain, kept.tail),
        not_before=kept.not_before,
        not_after=kept.not_after,
        issued_at=kept.issued_at,
        renew_at=kept.renew_at if kept.renew_at > now else later,
        asked_under=kept.asked_under,
        index=kept.index,
    )


def _is_good(
    name: LeafName, leaf: HeldLeaf, anchors: Sequence[x509.Certificate], now: datetime
) -> bool:
    """Say whether a leaf may be served: in its life, with its key and names, below an anchor."""
    try:
        cert = msgspec.json.decode(leaf.body.json, type=IssuedCert)
        key = serialization.load_pem_private_key(cert.private_key_pem.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or cert.service != name.service:
            return False
        wanted = Wanted(
            key=key,
            identity=parse_spiffe_id(cert.service_uri),
            dns_names=name.dns_names,
            ip_addresses=name.ip_addresses,
        )
        verified_chain(cert.cert_pem, wanted, anchors, now=now)
    except (Error, ValueError, TypeError, msgspec.MsgspecError):
        return False
    return leaf.servable(now)


def _principal(owner: str, gid: int = 0, *, loopback: bool = False) -> Principal | None:
    """Return who owned a partition; None for callers over the network, who do not come back."""
    kind, _, value = owner.partition(":")
    match kind:
        case "anonymous":
            return Anonymous(loopback=loopback)
        case "uid" if value.isdecimal():
            return Peer(uid=int(value), gid=gid, pid=0)
        case "token":
            return Token(value)
        case _:
            return None
