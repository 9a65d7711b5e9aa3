"""The role that leaves are signed with: our profile, names from the call and not from the CSR."""

from collections.abc import Mapping
from typing import Any

from ca_core.contract import TrustDomain

LONGEST_LEAF = "8760h"
"""A role needs a limit; what a leaf gets is asked for by its own end."""


def role_fields(trust_domain: TrustDomain) -> Mapping[str, Any]:
    """Return the role of one trust domain's leaves.

    Empty subject, the names of the call alone, KU digitalSignature, EKU server and client,
    BasicConstraints CA:FALSE, begun 60 s ago; leaves are not stored.

    Source: SPIFFE X509-SVID §4.
    """
    return {
        "allow_any_name": True,
        "allow_ip_sans": True,
        "allow_wildcard_certificates": True,
        "allowed_uri_sans": [f"spiffe://{trust_domain}/*"],
        "basic_constraints_valid_for_non_ca": True,
        "cn_validations": ["disabled"],
        "enforce_hostnames": False,
        "ext_key_usage": ["ServerAuth", "ClientAuth"],
        "key_type": "any",
        "key_usage": ["DigitalSignature"],
        "max_ttl": LONGEST_LEAF,
        "no_store": True,
        "not_before_duration": "60s",
        "require_cn": False,
        "use_csr_common_name": False,
        "use_csr_sans": False,
    }
