"""``POST /v1/agent/connect/authorize`` in Consul's words; ``ClientCert`` and ``Request`` are ours.

Source: Consul's published page on the agent's connect API.
"""

import msgspec


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the client asks for over HTTP, so that permissions can be looked at.

    Attributes:
        path: the target as it was received.
        headers: name → its lines in order.
    """

    method: str = msgspec.field(name="Method", default="GET")
    path: str = msgspec.field(name="Path", default="/")
    headers: dict[str, list[str]] = msgspec.field(name="Headers", default_factory=dict)


class AuthorizeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """May the client of this certificate connect to the service ``target``?

    Attributes:
        client_cert_uri: the SPIFFE ID in the client's certificate.
        client_cert_serial: colon hex; looked at where ``authorize.check_serial`` is set.
        client_cert: the chain as PEM, leaf first; verified if it is there.
        request: decides where permissions are; None at L4.
    """

    target: str = msgspec.field(name="Target", default="")
    client_cert_uri: str = msgspec.field(name="ClientCertURI", default="")
    client_cert_serial: str = msgspec.field(name="ClientCertSerial", default="")
    client_cert: str = msgspec.field(name="ClientCert", default="")
    request: RequestBody | None = msgspec.field(name="Request", default=None)


class AuthorizeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The decision; a denial is no error."""

    authorized: bool = msgspec.field(name="Authorized")
    reason: str = msgspec.field(name="Reason")
