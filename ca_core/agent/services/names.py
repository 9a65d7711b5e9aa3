"""Names, ids and addresses of what is registered: what each may hold."""

import re
from collections.abc import Mapping

from ca_core.catalog.viewing import LONGEST_NAME
from ca_core.errors import RequestError
from ca_core.identity.spiffe import ServiceId, TrustDomain

MAX_ID = 256
MAX_TEXT = 256
MAX_TAGS = 64
MAX_META, MAX_META_VALUE = 64, 512
"""Consul's limit on meta data; keys have up to 128 characters there, values 512."""
MAX_PORT = 65535

_META_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_EVERYWHERE = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104 - refused, not bound
_ANY = TrustDomain("any")


def checked_name(text: str, field: str) -> str:
    """Return a name that some service could have.

    Raises:
        RequestError: nothing that a SPIFFE ID may hold.
    """
    if not text:
        raise RequestError("a service needs a name", field=field)
    if len(text) > LONGEST_NAME:
        raise RequestError(f"longer than {LONGEST_NAME} characters", field=field)
    try:
        return ServiceId(trust_domain=_ANY, datacenter="any", service=text).service
    except RequestError as error:
        raise RequestError(error.fault, field=field) from None


def checked_id(text: str, field: str, *, spaces: bool = False) -> str:
    """Return the id of an instance, or of a check, which may have spaces in it.

    Raises:
        RequestError: longer than 256 characters, or with a character that a path cannot hold.
    """
    if len(text) > MAX_ID:
        raise RequestError(f"longer than {MAX_ID} characters", field=field)
    wrong = next((c for c in text if not c.isprintable() or c == "/"), "")
    if wrong or text in (".", "..") or text != text.strip() or (" " in text and not spaces):
        raise RequestError(f"{text[:80]!r} is no id: printable, without '/' or spaces", field=field)
    return text


def checked_text(text: str, field: str, limit: int = MAX_TEXT) -> str:
    """Return a short text for people.

    Raises:
        RequestError: longer than ``limit`` characters, or not printable.
    """
    if len(text) > limit or not text.replace("\n", " ").isprintable():
        raise RequestError(f"printable, of at most {limit} characters", field=field)
    return text


def checked_tags(tags: tuple[str, ...], field: str) -> tuple[str, ...]:
    """Return the tags as they came.

    Raises:
        RequestError: too many, or one that is too long or not printable.
    """
    if len(tags) > MAX_TAGS:
        raise RequestError(f"more than {MAX_TAGS}", field=field)
    return tuple(checked_text(tag, field) for tag in tags)


def checked_meta(meta: Mapping[str, str], field: str) -> dict[str, str]:
    """Return the meta data as it came.

    Raises:
        RequestError: too much, or a key or value that Consul would not take.
    """
    if len(meta) > MAX_META:
        raise RequestError(f"more than {MAX_META} keys", field=field)
    for key, value in meta.items():
        if not _META_KEY.match(key) or key.startswith("consul-"):
            raise RequestError(f"no key of meta data: {key[:40]!r}", field=field)
        checked_text(value, f"{field}.{key}", MAX_META_VALUE)
    return dict(meta)


def checked_port(port: int, field: str) -> int:
    """Return a port, or 0 for none.

    Raises:
        RequestError: it is none.
    """
    if not 0 <= port <= MAX_PORT:
        raise RequestError(f"{port} is no port", field=field)
    return port


def checked_address(text: str, field: str) -> str:
    """Return an address at which others may reach an instance; '' is that of the node.

    Raises:
        RequestError: one that means every address, or no host at all.
    """
    if text in _EVERYWHERE:
        raise RequestError(f"{text} is every address; name one", field=field)
    if len(text) > MAX_ID or not text.isprintable() or any(c in text for c in " /@"):
        raise RequestError("no host name or address", field=field)
    return text
