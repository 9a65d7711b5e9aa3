"""What a provider can do beyond signing leaves, declared per instance."""

from enum import StrEnum


class Capability(StrEnum):
    """An ability; a declared one must work, an undeclared one must refuse.

    A provider's ``capabilities`` is a frozenset on the *instance*: its configuration may decide it.
    Calling a method whose capability is not declared raises ``CapabilityUnsupportedError``.
    """

    EXTERNAL_ISSUER = "external-issuer"
    """``ensure_authority`` raises ``PendingError(csr=…)``; ``install_authority`` continues it."""

    SECONDARY = "secondary"
    """Signs under another datacenter's CA: ``intermediate_csr``, ``install_intermediate``."""

    SIGN_INTERMEDIATE = "sign-intermediate"
    """Signs the intermediates of secondaries: ``sign_intermediate``."""

    CROSS_SIGN = "cross-sign"
    """Re-issues another primary CA's certificate under its own key: ``cross_sign``."""

    CROSS_SIGN_NEEDS_CSR = "cross-sign-needs-csr"
    """``cross_sign`` works only when the request carries a CSR by the new CA's key."""

    CROSS_SIGN_CSR = "cross-sign-csr"
    """Can make that CSR for another provider to cross-sign: ``cross_sign_csr``."""

    REVOKE = "revoke"
    """``revoke`` and ``crl``."""

    TEMPLATE = "template"
    """Ignores what a leaf's CSR asks for and takes only its public key.

    To a provider without it the core sends only CSRs whose subject, SANs and extensions equal the
    request.
    """


class Role(StrEnum):
    """Whether a datacenter owns the trust domain's authority or signs below another's."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
