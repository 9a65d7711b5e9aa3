"""Whether a request matches a permission, and what of it does not.

Of a header with several values a condition of an *allow* must hold however the header is read, and
one of a *deny* holds if there is one reading in which it does; so nobody gets in, and nobody passes
a denial by, by sending a header twice or two values in one (CVE-2024-10006). The readings are all
lines as one, each line, and each value between commas; a text with a comma in it is compared with
whole lines only. ``contains`` asks whether it is anywhere in the header. Where a header is not
there, only a denial's condition with ``invert`` holds: Envoy says of such a condition that it does
not match, so nothing is allowed by it, and leaving a header out passes no denial by.

A path with parameters (``/admin;x``) has two readings, as it is and without them, and the same
holds of these; a rule with a ``;`` of its own is compared with the path as it is.
"""

from collections.abc import Iterator

from ca_core.intentions.model import (
    HeaderMatch,
    HeaderRule,
    HttpRule,
    PathMatch,
    Permission,
    Verdict,
)
from ca_core.intentions.paths import path_readings
from ca_core.intentions.regex import compiled
from ca_core.intentions.requests import NormalRequest, Readings

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
"""ASCII alone: other letters have more than one lower case."""


def unmet(permission: Permission, request: NormalRequest) -> str:
    """Return the first part that does not match: its field, like ``Header[0]``; '' if all do."""
    return next(_unmet(permission, request), "")


def path_matches(rule: HttpRule, path: str) -> bool:
    """Say whether a normal path is the one of the rule."""
    match rule.match:
        case PathMatch.ANY:
            return True
        case PathMatch.EXACT:
            return path == rule.path
        case PathMatch.PREFIX:
            return path.startswith(rule.path)
        case PathMatch.REGEX:
            return compiled(rule.path).fullmatch(path) is not None


def header_matches(rule: HeaderRule, action: Verdict, header: Readings | None) -> bool:
    """Say whether a condition holds, in a permission of this action.

    Args:
        rule: the condition.
        action: what its permission says.
        header: None where the request has none of this name.
    """
    if rule.match is HeaderMatch.PRESENT:
        return (header is not None) is not rule.invert
    if header is None:
        return rule.invert and not action.allows
    if rule.match is HeaderMatch.CONTAINS:
        return any(_value_matches(rule, text) for text in header.whole) is not rule.invert
    quantified = all if action.allows else any
    return quantified(_value_matches(rule, text) is not rule.invert for text in _read(rule, header))


def _unmet(permission: Permission, request: NormalRequest) -> Iterator[str]:
    rule = permission.http
    if not _path_holds(rule, permission.action, request.path):
        yield f"Path{rule.match.capitalize()}"
    if rule.methods and request.method not in rule.methods:
        yield "Methods"
    for at, header in enumerate(rule.headers):
        if not header_matches(header, permission.action, request.headers.get(header.name)):
            yield f"Header[{at}]"


def _path_holds(rule: HttpRule, action: Verdict, path: str) -> bool:
    if ";" in rule.path:
        return path_matches(rule, path)
    quantified = all if action.allows else any
    return quantified(path_matches(rule, reading) for reading in path_readings(path))


def _read(rule: HeaderRule, header: Readings) -> Iterator[str]:
    """Yield what the rule's text is compared with."""
    yield from header.whole
    yield from header.lines
    if rule.match is HeaderMatch.REGEX or "," not in rule.value:
        yield from header.single


def _value_matches(rule: HeaderRule, text: str) -> bool:
    wanted = rule.value
    if rule.ignore_case:
        wanted, text = wanted.translate(_LOWER), text.translate(_LOWER)
    match rule.match:
        case HeaderMatch.EXACT:
            return text == wanted
        case HeaderMatch.PREFIX:
            return text.startswith(wanted)
        case HeaderMatch.SUFFIX:
            return text.endswith(wanted)
        case HeaderMatch.CONTAINS:
            return wanted in text
        case HeaderMatch.REGEX:
            return compiled(wanted).fullmatch(text) is not None
        case HeaderMatch.PRESENT:
            return True
