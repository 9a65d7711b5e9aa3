"""What requests about intentions ask for: names, sides, expectations; parsed once."""

import re
import uuid

from ca_core.api.http import Request
from ca_core.errors import RequestError
from ca_core.intentions.model import Name
from ca_core.intentions.naming import parsed_name
from ca_core.wire.intentions import SOURCE_TYPE

UUID_LENGTH = 36

_NUMBER = re.compile(r"[0-9]{1,20}\Z")


def sides_of(request: Request) -> tuple[Name, Name]:
    """Return ``source`` and ``destination`` of the query.

    Raises:
        RequestError: one is missing, there twice, or no name.
    """
    source = parsed_name(request.required("source"), "source")
    return source, parsed_name(request.required("destination"), "destination")


def names_of(request: Request) -> tuple[str, dict[str, Name]]:
    """Return ``by``, and every ``name`` with what was written for it.

    Raises:
        RequestError: one is missing or wrong.
    """
    by = request.required("by")
    if by not in ("source", "destination"):
        raise RequestError("'by' parameter must be one of 'source' or 'destination'", field="by")
    texts = request.values("name")
    if not texts:
        raise RequestError("required query parameter 'name' not set", field="name")
    return by, {text: parsed_name(text) for text in texts}


def expected_index(request: Request) -> int | None:
    """Return ``cas``: the ModifyIndex that must stand, 0 for none, None without expectation.

    Raises:
        RequestError: it is no index.
    """
    text = request.arguments().get("cas")
    if text is None:
        return None
    if not _NUMBER.match(text):
        raise RequestError(f"{text[:40]!r} is no index", field="cas")
    return int(text)


def id_of(request: Request) -> str:
    """Return the UUID of the path, lower case.

    Raises:
        RequestError: it is none.
    """
    text = request.params["id"]
    if len(text) != UUID_LENGTH:
        raise RequestError(f"UUID must be {UUID_LENGTH} characters", field="id")
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise RequestError(f"{text!r} is no UUID", field="id") from None


def require_source_type(request: Request) -> None:
    """Refuse another type of source than the one there is.

    Raises:
        RequestError: it is another one.
    """
    if request.arguments().get("source-type", SOURCE_TYPE) not in ("", SOURCE_TYPE):
        raise RequestError("must be 'consul'", field="source-type")


def refuse_filter(request: Request) -> None:
    """Refuse filter expressions: a list that is not filtered would mislead.

    Raises:
        RequestError: there is one.
    """
    if request.arguments().get("filter"):
        raise RequestError(
            "filter expressions are not supported here",
            field="filter",
            hint="leave it out, or ask /v1/connect/intentions/match",
        )
