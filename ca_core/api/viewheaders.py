"""How fresh a view is, in Consul's headers. Pure.

Source: Consul's published pages on blocking queries, consistency modes and agent caching.
"""

from datetime import timedelta

from ca_core.catalog.views import ViewAnswer

_MILLISECOND, _SECOND = timedelta(milliseconds=1), timedelta(seconds=1)


def stored_headers(answer: ViewAnswer, epoch: str) -> dict[str, str]:
    """Return the headers of a view from a server's own store.

    Indexes compare only inside one epoch: a restored store draws another.
    """
    return {
        "x-ca-core-epoch": epoch,
        "x-consul-index": str(max(1, answer.index)),
        "x-consul-knownleader": "true",
        "x-consul-lastcontact": "0",
        "x-consul-effective-consistency": "leader",
    }


def remembered_headers(answer: ViewAnswer) -> dict[str, str]:
    """Return the headers of a view that an agent answered; ``Age`` if it was from its memory."""
    headers = {
        "x-consul-index": str(max(1, answer.index)),
        "x-consul-knownleader": "true" if answer.known_leader else "false",
        "x-consul-lastcontact": str(answer.age // _MILLISECOND) if answer.age else "0",
        "x-cache": "HIT" if answer.hit else "MISS",
    }
    if answer.hit:
        headers["age"] = str(answer.age // _SECOND) if answer.age else "0"
    return headers
