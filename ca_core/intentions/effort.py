"""How much work the regular expressions of an intention may have with a request; pure.

RE2 takes time linear in the text, but a step of it may look at the whole program: that of
``.{900}`` has thousands of places. Who may write one intention must not stop a whole agent.
"""

from ca_core.intentions.model import HeaderMatch, HttpRule, Intention, PathMatch
from ca_core.intentions.regex import compiled
from ca_core.intentions.requests import NormalRequest, Readings

MOST_STEPS = 64_000_000
"""Characters times places of the programs: at worst about a fifth of a second."""

READINGS_OF_PATH = 2
"""With parameters and without."""


def too_much(intention: Intention, request: NormalRequest) -> str:
    """Return why an intention does not look at a request, or ''."""
    steps = sum(_steps(permission.http, request) for permission in intention.permissions)
    if steps <= MOST_STEPS:
        return ""
    return "the path or a header is too long for the regular expressions that look at it"


def _steps(rule: HttpRule, request: NormalRequest) -> int:
    steps = 0
    if rule.match is PathMatch.REGEX:
        steps += READINGS_OF_PATH * len(request.path) * compiled(rule.path).programsize
    for header in rule.headers:
        found = request.headers.get(header.name)
        if header.match is HeaderMatch.REGEX and found is not None:
            steps += _length(found) * compiled(header.value).programsize
    return steps


def _length(header: Readings) -> int:
    return sum(len(text) for part in (header.whole, header.lines, header.single) for text in part)
