"""``/v1/agent/connect/ca/leaf/:service``."""

import msgspec


class IssuedCert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A leaf with its key, as Consul's agent answers it. Holds a secret: never log or print it.

    Attributes:
        serial_number: the serial's bytes, colon hex.
        cert_pem: leaf first, then what leads to the anchor; the anchor itself is absent.
        private_key_pem: ``EC PRIVATE KEY``; added by the agent, never known to a server.
        valid_after, valid_before: RFC 3339, UTC, whole seconds.
    """

    serial_number: str = msgspec.field(name="SerialNumber")
    cert_pem: str = msgspec.field(name="CertPEM", default="")
    private_key_pem: str = msgspec.field(name="PrivateKeyPEM", default="")
    service: str = msgspec.field(name="Service", default="")
    service_uri: str = msgspec.field(name="ServiceURI", default="")
    agent: str = msgspec.field(name="Agent", default="")
    agent_uri: str = msgspec.field(name="AgentURI", default="")
    server_uri: str = msgspec.field(name="ServerURI", default="")
    kind: str = msgspec.field(name="Kind", default="")
    kind_uri: str = msgspec.field(name="KindURI", default="")
    valid_after: str = msgspec.field(name="ValidAfter")
    valid_before: str = msgspec.field(name="ValidBefore")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")

    def __repr__(self) -> str:
        return f"IssuedCert({self.serial_number}, valid_before={self.valid_before})"
