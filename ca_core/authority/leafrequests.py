"""A leaf on its way: what the provider is asked for, and what is released."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.rows import SignerRow
from ca_core.contract.capabilities import Capability
from ca_core.contract.issuing import BACKDATE
from ca_core.contract.requests import LeafRequest
from ca_core.errors import RequestError
from ca_core.identity.csr import CheckedCsr

SIGN_LIMIT = timedelta(seconds=10)
"""A provider gets this long for one leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLeaf:
    """A leaf that was checked, recorded and may be released.

    Attributes:
        certificate: the leaf.
        pem: leaf first, then what leads to the anchor, anchor excluded.
        index: its number in this cluster's record, at least 1.
    """

    certificate: x509.Certificate
    pem: str
    index: int


def check_shape(csr: CheckedCsr, provider: GuardedProvider) -> None:
    """Refuse a CSR that asks for more than its names, where the provider copies CSRs.

    Raises:
        RequestError: it does, and the provider has no template of its own.
    """
    if Capability.TEMPLATE not in provider.capabilities and not csr.plain:
        raise RequestError(
            "this CA copies CSRs, so it takes only an empty subject and one critical SAN",
            field="csr",
        )


def leaf_request(
    csr: CheckedCsr, signer: SignerRow, now: datetime, not_after: datetime, *, deadline: datetime
) -> LeafRequest:
    """Return the request for what was reviewed; waiting for a turn never lengthens a life."""
    return LeafRequest(
        request_id=uuid.uuid4().hex,
        deadline=deadline,
        csr=csr.csr,
        identity=csr.identity,
        dns_names=csr.dns_names,
        ip_addresses=csr.ip_addresses,
        not_before=now - BACKDATE,
        not_after=not_after,
        signer=signer.id,
    )
