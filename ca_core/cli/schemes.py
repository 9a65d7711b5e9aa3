"""``http://`` where TLS is spoken, and the reverse: found out after nobody answered."""

import socket
import ssl
from urllib.parse import urlsplit

import httpx

from ca_core.cli.address import Address

CA_VARIABLES = ("CA_CORE_CACERT", "CONSUL_CACERT")
"""Environment variables that name a PEM file of roots for ``https://``."""

_SECONDS = 2.0
_PORTS = {"http": 80, "https": 443}
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""What OpenSSL calls an answer that is not TLS, by its version."""


def other_scheme(address: Address, error: httpx.TransportError) -> str:
    """Return the next step if the scheme of ``address`` is why nobody answered, else ''."""
    if address.socket is not None:
        return ""
    scheme, _, place = address.url.partition("://")
    if scheme == "https":
        return f"it is not TLS: try --http-addr http://{place}" if _is_no_tls(error) else ""
    broke_off = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError)
    if not broke_off or not _speaks_tls(address):
        return ""
    return f"it speaks TLS: --http-addr https://{place}, and its roots with {CA_VARIABLES[0]}=FILE"


def _is_no_tls(error: BaseException | None) -> bool:
    """Say whether something else than TLS was the answer to a handshake; httpx wraps it."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return any(name in str(error) for name in _NO_TLS)
        error = error.__cause__ or error.__context__
    return False


def _speaks_tls(address: Address) -> bool:
    """Begin a handshake: one that ends, or is refused in TLS, shows TLS. Nothing else is sent."""
    parts = urlsplit(address.url)
    place = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(place, _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=place[0]),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in str(error)
    except OSError:
        return False
