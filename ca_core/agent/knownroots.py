"""The trusted roots as a server told them, parsed; pure."""

from dataclasses import dataclass, field

import msgspec
from cryptography import x509

from ca_core.agent.signing import Signing, signing_of
from ca_core.errors import ProviderError, RequestError
from ca_core.identity.certificates import parsed_chain
from ca_core.wire.roots import CARoot, CARoots


@dataclass(frozen=True, slots=True)
class KnownRoots:
    """Roots as they were answered, parsed.

    Attributes:
        value: the answer.
        index: what readers see: it differs from the index of the roots known before.
        anchors: in the order of ``value.roots``.
        signing: what signs leaves.
        body: the answer as JSON, encoded once.
    """

    value: CARoots
    index: int
    anchors: tuple[x509.Certificate, ...]
    signing: Signing
    body: bytes = field(repr=False)


def known_roots(value: CARoots, index: int) -> KnownRoots:
    """Return an answer, parsed.

    Raises:
        ProviderError: a root is no certificate, there is none, or none is active.
    """
    active = _active(value)
    return KnownRoots(value, index, _anchors(value), signing_of(active), msgspec.json.encode(value))


def _active(value: CARoots) -> CARoot:
    active = next((root for root in value.roots if root.id == value.active_root_id), None)
    if active is None:
        raise ProviderError("the server's answer has no active root")
    return active


def _anchors(value: CARoots) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(parsed_chain(root.root_cert)[0] for root in value.roots)
    except (ValueError, IndexError, RequestError) as error:
        raise ProviderError(f"a root of the server's answer is no certificate: {error}") from error
