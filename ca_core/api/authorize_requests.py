"""What a call of authorize asks, parsed: right body, right names, right kind of SPIFFE ID.

The path of every new connection: what is written as it should be takes a microsecond, whatever is
not is looked at again, slowly, for the message.
"""

import re
from functools import lru_cache

import msgspec

from ca_core.agent.authorizing import Question
from ca_core.api.http import decoded_in_any_case
from ca_core.errors import RequestError
from ca_core.identity.spiffe import ServiceId, parse_spiffe_id
from ca_core.intentions.model import Name
from ca_core.intentions.naming import DEFAULT_PARTITION, checked_name, one_service, right_name
from ca_core.intentions.requests import HttpRequest
from ca_core.wire.authorize import AuthorizeRequest, RequestBody

MAX_TARGET = 1024
"""Characters of a target; a longer one fits into no SPIFFE ID."""

NO_CONNECT_ID = "ClientCertURI not a valid Connect identifier"
NO_SERVICE_ID = "ClientCertURI not a valid Service identifier"

_decode = msgspec.json.Decoder(AuthorizeRequest).decode

_PARTITION = re.compile(r"(spiffe://[^/]*)/ap/([^/]+)/")


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One call.

    Attributes:
        question: for the authorizer.
        right: the name on which the caller needs ``service:write``.
        plain: whether names alone have a part in the decision.
        partition: the client's, in lower case; '' for the one that is served.
    """

    question: Question
    right: str
    plain: bool = True
    partition: str = ""

    def refuse_other_partition(self) -> None:
        """Refuse a client of another partition.

        Raises:
            RequestError: it is one.
        """
        if self.partition:
            raise RequestError(
                f'Mismatched partitions: "{self.partition[:80]}" != "default"',
                field="ClientCertURI",
            )


def parsed(body: bytes) -> Asked:
    """Return what a body asks.

    Raises:
        RequestError: no JSON of that shape, a key that is there twice or unknown, no target, or no
            SPIFFE ID of a service, in this order.
    """
    asked = _decoded(body)
    right, destination = _target(asked.target)
    client, source, partition = _client(asked.client_cert_uri)
    chain, http = asked.client_cert, asked.request
    request = None if http is None else _http(http)
    question = Question(client, source, destination, asked.client_cert_serial, chain, request)
    return Asked(question, right, not chain and http is None, partition)


def _decoded(body: bytes) -> AuthorizeRequest:
    try:
        found = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return decoded_in_any_case(body, AuthorizeRequest)
    if b"\\" in body or body.count(b'"') != _quotes(found):
        return decoded_in_any_case(body, AuthorizeRequest)  # a key may be there twice
    return found


def _quotes(found: AuthorizeRequest) -> int:
    """Return how many quotes a body has in which every key is there once, and says something."""
    if found.client_cert or found.request is not None:
        return -1
    keys = bool(found.target) + bool(found.client_cert_uri) + bool(found.client_cert_serial)
    return 4 * keys


@lru_cache(maxsize=4096)
def _target(text: str) -> tuple[str, Name]:
    """Return the name of the right, and the destination; remembered: a host has a few."""
    if not text:
        raise RequestError("Target service must be specified", field="Target")
    if len(text) > MAX_TARGET:
        raise RequestError(f"longer than {MAX_TARGET} characters", field="Target")
    found = one_service(checked_name(text, field="Target"), "Target")
    return right_name(found), found


@lru_cache(maxsize=4096)
def _client(uri: str) -> tuple[ServiceId, Name, str]:
    """Return the client, its name, and its partition, '' for ours; the same ones connect again."""
    found = _PARTITION.match(uri)
    partition = found[2].lower() if found and found[2].lower() != DEFAULT_PARTITION else ""
    served = f"{found[1]}/{uri[found.end() :]}" if found and partition else uri
    try:
        identity = parse_spiffe_id(served)
    except RequestError as error:
        raise RequestError(f"{NO_CONNECT_ID}: {error.fault}", field="ClientCertURI") from None
    if not isinstance(identity, ServiceId):
        raise RequestError(NO_SERVICE_ID, field="ClientCertURI")
    return identity, Name(identity.namespace, identity.service), partition


def _http(body: RequestBody) -> HttpRequest:
    lines = tuple((name, line) for name, found in body.headers.items() for line in found)
    return HttpRequest(method=body.method, path=body.path, headers=lines)
