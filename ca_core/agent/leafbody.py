"""The answer for one leaf, kept in pieces: what its signer adds is the same for all its leaves."""

from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import msgspec

from ca_core.agent.signing import Signer
from ca_core.wire.leaf import IssuedCert


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class IssuerChain:
    """What a signer's leaves have in common; one object for all of them.

    Attributes:
        json: the certificates that follow the leaf, as they stand inside a JSON text; may be empty.
        signer: what signed.
    """

    json: bytes
    signer: Signer


class _Serial(msgspec.Struct, frozen=True):
    """Of an answer the serial number alone: the rest is skipped."""

    number: str = msgspec.field(name="SerialNumber")


@dataclass(frozen=True, slots=True)
class LeafBody:
    """A leaf with its key as JSON, encoded once: it is asked for far more often than it changes.

    Attributes:
        head, tail: what stands before and after the certificates of ``chain``; hold a secret.
    """

    head: bytes = field(repr=False)
    chain: IssuerChain
    tail: bytes = field(repr=False)

    @property
    def json(self) -> bytes:
        """Return the whole answer."""
        return b"".join((self.head, self.chain.json, self.tail))

    @property
    def serial_number(self) -> str:
        """Return that of the leaf, colon hex."""
        return msgspec.json.decode(self.json, type=_Serial).number


class IssuerChains:
    """The chains of living leaves, each once."""

    def __init__(self) -> None:
        self._chains: WeakValueDictionary[tuple[bytes, Signer], IssuerChain] = WeakValueDictionary()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._chains)

    def body(self, cert: IssuedCert, chain_pem: str, signer: Signer) -> LeafBody:
        """Return the answer for a leaf.

        Args:
            cert: what is answered.
            chain_pem: the end of ``cert.cert_pem``: the certificates after the leaf, or ''.
            signer: what signed the leaf.
        """
        common = msgspec.json.encode(chain_pem)[1:-1]
        whole = msgspec.json.encode(cert)
        head, _, tail = whole.partition(common) if common else (whole, b"", b"")
        return LeafBody(head, self._chain(common, signer), tail)

    def _chain(self, json: bytes, signer: Signer) -> IssuerChain:
        known = self._chains.get((json, signer))
        if known is None:
            known = self._chains[json, signer] = IssuerChain(json, signer)
        return known
