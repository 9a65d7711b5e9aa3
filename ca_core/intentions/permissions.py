"""Permissions: from their bodies on the wire to rules that cannot be wrong, and back.

Source of rules and texts: Consul's published pages on service-intentions entries.
"""

import re
from collections.abc import Sequence

from ca_core.errors import RequestError
from ca_core.intentions.model import (
    HeaderMatch,
    HeaderRule,
    HttpRule,
    PathMatch,
    Permission,
    Verdict,
)
from ca_core.intentions.paths import require_normal
from ca_core.intentions.regex import checked_regex
from ca_core.intentions.requests import UNSENDABLE
from ca_core.wire.intentions import HeaderBody, HttpBody, PermissionBody

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}
)
"""The methods that a permission may name (RFC 9110 §9, RFC 5789)."""

MOST_PERMISSIONS = 256
"""Permissions of one intention, and conditions on headers of one permission."""

MOST_EXPRESSIONS = 512
"""Regular expressions of one intention: two in each permission."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+\Z")
"""A header's name, lower case. Source: RFC 9110 §5.6.2."""

_PATHS = (
    (PathMatch.EXACT, "PathExact"),
    (PathMatch.PREFIX, "PathPrefix"),
    (PathMatch.REGEX, "PathRegex"),
)
_HEADERS = tuple(HeaderMatch)
_CASELESS = frozenset(
    {HeaderMatch.EXACT, HeaderMatch.PREFIX, HeaderMatch.SUFFIX, HeaderMatch.CONTAINS}
)


def parsed_verdict(text: str, field: str) -> Verdict:
    """Return ``allow`` or ``deny``.

    Raises:
        RequestError: any other text.
    """
    if text not in set(Verdict):
        raise RequestError("must be set to 'allow' or 'deny'", field=field)
    return Verdict(text)


def parsed_permissions(
    bodies: Sequence[PermissionBody], place: str = "Permissions"
) -> tuple[Permission, ...]:
    """Return permissions in the order given.

    Raises:
        RequestError: a rule is broken; ``field`` is the place, like ``Permissions[0].HTTP``.
    """
    _require_few(bodies, place)
    found = tuple(_permission(body, f"{place}[{at}]") for at, body in enumerate(bodies))
    expressions = sum(_expressions(permission.http) for permission in found)
    if expressions > MOST_EXPRESSIONS:
        fault = f"{expressions} regular expressions, at most {MOST_EXPRESSIONS}"
        raise RequestError(fault, field=place)
    return found


def shown_permission(permission: Permission) -> PermissionBody:
    """Return the body that ``parsed_permissions`` reads as this permission."""
    http = permission.http
    paths = {match: http.path for match, _ in _PATHS if match is http.match}
    return PermissionBody(
        action=str(permission.action),
        http=HttpBody(
            path_exact=paths.get(PathMatch.EXACT, ""),
            path_prefix=paths.get(PathMatch.PREFIX, ""),
            path_regex=paths.get(PathMatch.REGEX, ""),
            header=tuple(map(_shown_header, http.headers)),
            methods=http.methods,
        ),
    )


def _permission(body: PermissionBody, place: str) -> Permission:
    action = parsed_verdict(body.action, f"{place}.Action")
    if body.jwt:
        raise RequestError("is not supported; leave the field out", field=f"{place}.JWT")
    if body.http is None:
        raise RequestError("HTTP is required", field=place)
    return Permission(action=action, http=_http(body.http, f"{place}.HTTP"))


def _http(body: HttpBody, place: str) -> HttpRule:
    if body == HttpBody():
        raise RequestError("should not be empty", field=place)
    match, path = _path(body, place)
    _require_few(body.header, f"{place}.Header")
    return HttpRule(
        match=match,
        path=path,
        methods=_methods(body.methods, f"{place}.Methods"),
        headers=tuple(_header(each, f"{place}.Header[{k}]") for k, each in enumerate(body.header)),
    )


def _expressions(rule: HttpRule) -> int:
    of_headers = sum(header.match is HeaderMatch.REGEX for header in rule.headers)
    return of_headers + (rule.match is PathMatch.REGEX)


def _path(body: HttpBody, place: str) -> tuple[PathMatch, str]:
    texts = {
        PathMatch.EXACT: body.path_exact,
        PathMatch.PREFIX: body.path_prefix,
        PathMatch.REGEX: body.path_regex,
    }
    given = [(match, name, texts[match]) for match, name in _PATHS if texts[match]]
    if len(given) > 1:
        raise RequestError(
            "should only contain at most one of PathExact, PathPrefix, or PathRegex", field=place
        )
    for match, name, text in given:
        _require_path(match, text, f"{place}.{name}")
        return match, text
    return PathMatch.ANY, ""


def _require_path(match: PathMatch, text: str, field: str) -> None:
    if match is PathMatch.REGEX:
        checked_regex(text, field)
        if not text.isascii():
            raise RequestError("would match no request: paths are ASCII, with escapes", field=field)
    elif not text.startswith("/"):
        raise RequestError(f"doesn't start with '/': {text[:80]!r}", field=field)
    else:
        require_normal(text, field, prefix=match is PathMatch.PREFIX)


def _methods(given: Sequence[str], field: str) -> tuple[str, ...]:
    methods = tuple(method.upper() for method in given)
    for at, method in enumerate(methods):
        if method not in METHODS:
            raise RequestError(f"contains an invalid method {method[:40]!r}", field=field)
        if method in methods[:at]:
            raise RequestError(f"contains {method!r} more than once", field=field)
    return methods


def _header(body: HeaderBody, place: str) -> HeaderRule:
    name = body.name.lower()
    if not name:
        raise RequestError("missing required Name field", field=place)
    if not _TOKEN.match(name):
        raise RequestError(f"{name[:80]!r} is no name of a header", field=f"{place}.Name")
    match, value = _header_match(body, place)
    if match is HeaderMatch.REGEX:
        checked_regex(value, f"{place}.Regex")
    else:
        _require_value(match, value, f"{place}.{match.capitalize()}")
    return HeaderRule(
        name=name, match=match, value=value, invert=body.invert, ignore_case=body.ignore_case
    )


def _require_value(match: HeaderMatch, text: str, field: str) -> None:
    """Refuse a text that no header can be, begin or end with: such a denial would never deny."""
    begins = match in (HeaderMatch.EXACT, HeaderMatch.PREFIX) and text.startswith((" ", "\t"))
    ends = match in (HeaderMatch.EXACT, HeaderMatch.SUFFIX) and text.endswith((" ", "\t"))
    if begins or ends or UNSENDABLE.search(text):
        raise RequestError(
            "would match no request: it holds control characters, or blanks at its ends",
            field=field,
        )


def _header_match(body: HeaderBody, place: str) -> tuple[HeaderMatch, str]:
    given = [match for match in _HEADERS if getattr(body, match)]
    if len(given) != 1:
        raise RequestError(
            "should only contain one of Present, Exact, Prefix, Suffix, Contains, or Regex",
            field=place,
        )
    match = given[0]
    if body.ignore_case and match not in _CASELESS:
        raise RequestError(
            "should set one of Exact, Prefix, Suffix, or Contains when using IgnoreCase",
            field=place,
        )
    return match, "" if match is HeaderMatch.PRESENT else str(getattr(body, match))


def _shown_header(rule: HeaderRule) -> HeaderBody:
    told = {match: rule.value for match in HeaderMatch if match is rule.match}
    return HeaderBody(
        name=rule.name,
        present=HeaderMatch.PRESENT in told,
        exact=told.get(HeaderMatch.EXACT, ""),
        prefix=told.get(HeaderMatch.PREFIX, ""),
        suffix=told.get(HeaderMatch.SUFFIX, ""),
        contains=told.get(HeaderMatch.CONTAINS, ""),
        regex=told.get(HeaderMatch.REGEX, ""),
        invert=rule.invert,
        ignore_case=rule.ignore_case,
    )


def _require_few(given: Sequence[object], field: str) -> None:
    if len(given) > MOST_PERMISSIONS:
        raise RequestError(f"{len(given)} entries, at most {MOST_PERMISSIONS}", field=field)
