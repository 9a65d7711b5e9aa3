"""What a provider author asserts, in the words of the field.

The judges are the guard's own rules (``docs/guard.md``) and the project's own path walk, so what
passes here passes in a server. A failure is a ``Violation``, an ``AssertionError`` that says what
was seen, what was expected, and which rule that is.
"""

from ca_core.testing.assertions.answers import (
    assert_authority_is_for,
    assert_crl_is_by,
    assert_cross_certificate_is_for,
    assert_csr_is_for,
    assert_intermediate_is_for,
    assert_leaf_is_for,
    assert_signer_is_for,
)
from ca_core.testing.assertions.certificates import (
    assert_chains_to,
    assert_is_ca,
    assert_path_length,
    assert_same_authority,
    assert_same_signer,
    assert_signed_by,
)
from ca_core.testing.assertions.handshake import assert_handshake
from ca_core.testing.assertions.refusals import assert_refuses

__all__ = [
    "assert_authority_is_for",
    "assert_chains_to",
    "assert_crl_is_by",
    "assert_cross_certificate_is_for",
    "assert_csr_is_for",
    "assert_handshake",
    "assert_intermediate_is_for",
    "assert_is_ca",
    "assert_leaf_is_for",
    "assert_path_length",
    "assert_refuses",
    "assert_same_authority",
    "assert_same_signer",
    "assert_signed_by",
    "assert_signer_is_for",
]
