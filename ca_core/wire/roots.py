"""``/v1/connect/ca/roots`` and ``/v1/agent/connect/ca/roots``."""

import msgspec


class CARoot(msgspec.Struct, frozen=True, kw_only=True):
    """One trusted root, as Consul shows it.

    Attributes:
        id: SHA-1 of the primary CA's DER, colon hex.
        serial_number: low 64 bits of the serial; the whole of it is in ``serial_number_hex``
            (ours).
        signing_key_id: SKI of the certificate that signs leaves, colon hex; equals a leaf's AKI.
        external_trust_domain: the trust domain without its last label, as Consul has it.
        not_before, not_after: RFC 3339, UTC, whole seconds.
        root_cert: PEM of the anchor.
        intermediate_certs: PEM of what must be appended to leaves, one each; None if nothing.
    """

    id: str = msgspec.field(name="ID")
    name: str = msgspec.field(name="Name")
    serial_number: int = msgspec.field(name="SerialNumber")
    serial_number_hex: str = msgspec.field(name="SerialNumberHex")
    signing_key_id: str = msgspec.field(name="SigningKeyID")
    external_trust_domain: str = msgspec.field(name="ExternalTrustDomain")
    not_before: str = msgspec.field(name="NotBefore")
    not_after: str = msgspec.field(name="NotAfter")
    root_cert: str = msgspec.field(name="RootCert")
    intermediate_certs: tuple[str, ...] | None = msgspec.field(name="IntermediateCerts")
    active: bool = msgspec.field(name="Active")
    private_key_type: str = msgspec.field(name="PrivateKeyType")
    private_key_bits: int = msgspec.field(name="PrivateKeyBits")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")


class CARoots(msgspec.Struct, frozen=True, kw_only=True):
    """Every trusted root, and which of them signs now."""

    active_root_id: str = msgspec.field(name="ActiveRootID")
    trust_domain: str = msgspec.field(name="TrustDomain")
    roots: tuple[CARoot, ...] = msgspec.field(name="Roots")
