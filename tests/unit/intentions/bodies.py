"""Bodies of requests, drawn and by hand."""

import msgspec
from hypothesis import strategies as st

from ca_core.intentions.model import (
    ANY,
    HeaderMatch,
    HeaderRule,
    HttpRule,
    Intention,
    Name,
    PathMatch,
    Permission,
    Verdict,
)
from ca_core.intentions.permissions import METHODS
from ca_core.wire.folding import folded
from ca_core.wire.intentions import IntentionRequest

WEB, DB = Name("default", "web"), Name("default", "db")

NAMES = st.sampled_from(
    [WEB, DB, Name("default", "*"), ANY, Name("ns", "web"), Name("ns", "*"), Name("ns", "db")]
)
VERDICTS = st.sampled_from(Verdict)
WORDS = st.text("abcXYZ-", min_size=1, max_size=5)

HEADERS = st.builds(
    lambda name, match, value, invert, caseless: HeaderRule(
        name=name,
        match=match,
        value="" if match is HeaderMatch.PRESENT else value,
        invert=invert,
        ignore_case=caseless and match not in (HeaderMatch.PRESENT, HeaderMatch.REGEX),
    ),
    st.text("abc-", min_size=1, max_size=4),
    st.sampled_from(HeaderMatch),
    WORDS,
    st.booleans(),
    st.booleans(),
)
PATHS = st.sampled_from(
    [
        (PathMatch.ANY, ""),
        (PathMatch.EXACT, "/a"),
        (PathMatch.PREFIX, "/"),
        (PathMatch.REGEX, "/v[0-9]+"),
    ]
)
HTTP = st.builds(
    lambda path, methods, headers: HttpRule(
        match=path[0], path=path[1], methods=tuple(methods), headers=tuple(headers)
    ),
    PATHS,
    st.lists(st.sampled_from(sorted(METHODS)), unique=True, max_size=3),
    st.lists(HEADERS, max_size=3),
).filter(lambda rule: rule != HttpRule())
PERMISSIONS = st.builds(lambda action, http: Permission(action=action, http=http), VERDICTS, HTTP)


@st.composite
def intentions(draw):
    """Draw an intention as a body can say it: without id and times."""
    source, destination = draw(NAMES), draw(NAMES)
    exact = destination.exactness == 2
    permissions = tuple(draw(st.lists(PERMISSIONS, max_size=3))) if exact else ()
    return Intention(
        source=source,
        destination=destination,
        action=None if permissions else draw(VERDICTS),
        permissions=permissions,
        observe=draw(st.booleans()),
        description=draw(st.text(max_size=20)),
        meta=draw(st.dictionaries(WORDS, WORDS, max_size=3)),
    )


def body(**fields):
    """Return a body as the API reads it; ``Action`` is ``allow`` unless told."""
    plain = fields if "Permissions" in fields else {"Action": "allow"} | fields
    return msgspec.convert(folded(plain, IntentionRequest), IntentionRequest)


def permitted(**http):
    """Return a body with one permission that allows."""
    return body(Permissions=[{"Action": "allow", "HTTP": http}])
