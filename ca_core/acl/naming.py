"""What names may stand in tokens, policies, auth methods and binding rules."""

import re
import uuid

from ca_core.errors import RequestError

MOST_NAME = 128
"""Characters of a policy's or auth method's name."""

MOST_DESCRIPTION = 512
"""Characters of a description."""

_IDENTITY = re.compile(r"(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,256}\Z")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")


def identity_name(name: str, field: str) -> str:
    """Return the name of a service or node, which a SPIFFE ID can hold.

    Raises:
        RequestError: no certificate could carry it; a wildcard is no name either.
    """
    if not _IDENTITY.match(name):
        raise RequestError(
            f"{name[:80]!r} names none: 1 to 256 of letters, digits, '.', '-', '_'", field=field
        )
    return name


def given_name(name: str, field: str = "Name") -> str:
    """Return the name that somebody gives a policy or an auth method.

    Raises:
        RequestError: it is none.
    """
    if not name:
        raise RequestError("is missing", field=field)
    if not _NAME.match(name):
        raise RequestError(
            f"{name[:80]!r}: 1 to {MOST_NAME} of letters, digits, '-', '_'", field=field
        )
    return name


def given_description(text: str) -> str:
    """Return a description within its bounds.

    Raises:
        RequestError: too long, or not Unicode text.
    """
    if len(text) > MOST_DESCRIPTION:
        raise RequestError(f"exceeds maximum length {MOST_DESCRIPTION}", field="Description")
    return text


def checked_uuid(text: str, field: str) -> str:
    """Return a UUID in lower case.

    Raises:
        RequestError: it is none.
    """
    try:
        found = str(uuid.UUID(text))
    except ValueError:
        found = ""
    if found != text.lower():
        raise RequestError(f"{text[:80]!r} is no UUID", field=field)
    return found
