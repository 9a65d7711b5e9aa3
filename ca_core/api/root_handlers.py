"""``/v1/connect/ca/…``: roots, configuration, CRLs."""

from datetime import timedelta

from cryptography.hazmat.primitives import serialization

from ca_core.acl.access import Action
from ca_core.api.answers import configuration_answer
from ca_core.api.blocking import blocking_of, with_jitter
from ca_core.api.http import Request, Response, flag, json_response, text_response
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.authority.roots import bundle_pem, roots_index, roots_of
from ca_core.authority.rows import ROOTS_TOPIC
from ca_core.errors import NotReadyError, RequestError
from ca_core.state.view import View

PEM_CHAIN = "application/pem-certificate-chain"


async def roots(room: ServerRoom, request: Request) -> Response:
    """Return every trusted root, now or once they differ from ``index``; ``?pem`` gives PEM."""
    as_pem = flag(request, "pem")
    refuse_other_places(request, room.manager.datacenter)
    _refuse_contradiction(request)
    await until_changed(room, request, ROOTS_TOPIC)
    view = room.store.snapshot
    if as_pem:
        if not bundle_pem(view):
            raise NotReadyError("the CA has not finished initializing: no root exists yet")
        return text_response(bundle_pem(view), content_type=PEM_CHAIN)
    return json_response(roots_of(view), headers=index_headers(view, roots_index(view)))


async def configuration(room: ServerRoom, request: Request) -> Response:
    """Return the CA configuration that stands, secrets hidden."""
    require(room.may, request, Action.OPERATOR_WRITE)
    refuse_other_places(request, room.manager.datacenter)
    return json_response(configuration_answer(room.store.snapshot, room.manager))


async def crl(room: ServerRoom, request: Request) -> Response:
    """Return the current CRL of every signer of an authority, as PEM."""
    found = await room.manager.crls.current(request.params["authority"])
    pem = b"".join(crl.public_bytes(serialization.Encoding.PEM) for crl in found)
    return Response(body=pem, content_type="application/x-pem-file")


async def until_changed(room: ServerRoom, request: Request, *topics: str) -> None:
    """Wait as a blocking query asks: until a topic has news after ``index``, or ``wait`` is over.

    An index from the future (another epoch, a restored store) answers at once.
    """
    asked = blocking_of(request)
    now = room.store.snapshot.topic_index(*topics)
    if asked.index == now:
        wait: timedelta = with_jitter(asked.wait, room.random.random())
        await room.store.wait(topics, asked.index, wait.total_seconds())


def index_headers(view: View, index: int) -> dict[str, str]:
    """Return the headers of a read that the server's own store answered.

    Indexes compare only inside one epoch: a restored store draws another.
    """
    return {
        "x-ca-core-epoch": view.epoch,
        "x-consul-index": str(max(1, index)),
        "x-consul-knownleader": "true",
        "x-consul-lastcontact": "0",
        "x-consul-effective-consistency": "leader",
    }


def _refuse_contradiction(request: Request) -> None:
    arguments = request.arguments()
    if "stale" in arguments and "consistent" in arguments:
        raise RequestError(
            "Cannot specify ?stale with ?consistent, conflicting semantics.", field="consistent"
        )
