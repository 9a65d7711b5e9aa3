"""What rules and decisions say, in words; no value of a header that somebody sent is in them."""

from ca_core.intentions.model import (
    HeaderMatch,
    HeaderRule,
    HttpRule,
    Intention,
    PathMatch,
    Permission,
)
from ca_core.intentions.requests import NormalRequest

_PATHS = {
    PathMatch.ANY: "any path",
    PathMatch.EXACT: "path is",
    PathMatch.PREFIX: "path begins",
    PathMatch.REGEX: "path matches",
}
_HEADERS = {
    HeaderMatch.PRESENT: "is there",
    HeaderMatch.EXACT: "is",
    HeaderMatch.PREFIX: "begins",
    HeaderMatch.SUFFIX: "ends",
    HeaderMatch.CONTAINS: "contains",
    HeaderMatch.REGEX: "matches",
}


def permission_words(permission: Permission) -> str:
    """Return ``allow GET,HEAD path begins /v1/, header x-role contains ops``."""
    http = permission.http
    parts = [] if http.match is PathMatch.ANY else [_path_words(http)]
    parts += [header_words(header) for header in http.headers]
    said = (permission.action, ",".join(http.methods), ", ".join(parts))
    return " ".join(part for part in said if part)


def header_words(rule: HeaderRule) -> str:
    """Return ``header x-role begins op``, with what ``invert`` and ``ignore_case`` make of it."""
    case = " in any case" if rule.ignore_case else ""
    said = f"header {rule.name} {_HEADERS[rule.match]} {rule.value}".rstrip() + case
    return f"not: {said}" if rule.invert else said


def unmet_words(permission: Permission, place: str, request: NormalRequest) -> str:
    """Return why a request does not match, from the ``place`` that ``unmet`` named; '' for ''."""
    http = permission.http
    if not place:
        return ""
    if place == "Methods":
        return f"the method is {request.method}, not {' or '.join(http.methods)}"
    if place.startswith("Path"):
        return f"{_path_words(http)}: the request's is {request.path}"
    header = http.headers[int(place.removeprefix("Header[").removesuffix("]"))]
    there = "" if header.name in request.headers else ", and the header is not there"
    return f"does not hold{there}: {header_words(header)}"


def decided_words(intention: Intention, found: int | None, *, fault: str, asked: bool) -> str:
    """Return what an intention that comes first says.

    Args:
        intention: the one.
        found: position of its permission that matches, None if none does.
        fault: why the request cannot be compared; '' if it can.
        asked: whether there is a request.
    """
    if intention.action is not None:
        return f"its action is {intention.action}"
    if fault:
        return f"it denies what can be read in more than one way: {fault}"
    if not asked:
        return "it denies, because it has permissions and no request is known"
    if found is None:
        return "none of its permissions matches: the default decides, and no other intention"
    return f"Permissions[{found}] is the first that matches: {intention.permissions[found].action}"


def _path_words(http: HttpRule) -> str:
    return f"{_PATHS[http.match]} {http.path}".rstrip()
