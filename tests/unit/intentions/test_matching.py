"""Tests of what a request is to a permission: methods, paths, and above all headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.intentions.matching import header_matches, unmet
from ca_core.intentions.model import (
    HeaderMatch,
    HeaderRule,
    HttpRule,
    PathMatch,
    Permission,
    Verdict,
)
from ca_core.intentions.requests import MOST_HEADER_TEXT, MOST_LINES, HttpRequest, normalised
from tests.unit.intentions.bodies import HEADERS, PERMISSIONS

ALLOW, DENY = Verdict.ALLOW, Verdict.DENY

values = st.lists(
    st.sampled_from(["ops", "dev", "ops,dev", "ops, dev", "", "a", "X", "ab-c"]), max_size=3
)


def rule(match, value="", *, name="x-role", invert=False, caseless=False):
    """Return a condition on ``x-role``."""
    return HeaderRule(
        name=name, match=HeaderMatch(match), value=value, invert=invert, ignore_case=caseless
    )


def holds(condition, action, *lines):
    """Say whether a condition holds of a request with these lines of its header."""
    request = normalised(HttpRequest(headers=tuple((condition.name.upper(), at) for at in lines)))
    return header_matches(condition, action, request.headers.get(condition.name))


@pytest.mark.parametrize(
    ("match", "value", "line", "expected"),
    [
        ("present", "", "", True),
        ("exact", "ops", "ops", True), ("exact", "ops", " ops\t", True),
        ("exact", "ops", "Ops", False), ("exact", "ops", "opss", False),
        ("prefix", "op", "ops", True), ("prefix", "op", "xop", False),
        ("suffix", "ps", "ops", True), ("suffix", "ps", "psx", False),
        ("contains", "p", "ops", True), ("contains", "x", "ops", False),
        ("regex", "o.*", "ops", True), ("regex", "p", "ops", False), ("regex", "o|p", "op", False),
    ],
)  # fmt: skip
def test_one_value_is_compared_as_it_says(match, value, line, expected):
    """With one value an allow and a deny see the same, and invert turns it round."""
    for action in Verdict:
        assert holds(rule(match, value), action, line) is expected
        assert holds(rule(match, value, invert=True), action, line) is not expected


@pytest.mark.parametrize("match", ["exact", "prefix", "suffix", "contains"])
def test_case_is_ignored_where_that_is_said(match):
    """Of ASCII letters alone: the Kelvin sign is no K."""
    for action in Verdict:
        assert holds(rule(match, "oKs", caseless=True), action, "OkS")
        assert not holds(rule(match, "oKs"), action, "OkS")
        assert not holds(rule(match, "oks", caseless=True), action, "o\N{KELVIN SIGN}s")


@pytest.mark.parametrize("lines", [("ops", "dev"), ("dev", "ops"), ("ops,dev",), ("dev, ops",)])
@pytest.mark.parametrize(
    ("match", "value"), [("exact", "ops"), ("prefix", "op"), ("suffix", "ps"), ("regex", "ops")]
)
def test_a_second_value_neither_lets_in_nor_passes_a_denial_by(lines, match, value):
    """CVE-2024-10006: one value of several denies, and all of several must allow."""
    assert holds(rule(match, value), DENY, *lines)
    assert not holds(rule(match, value), ALLOW, *lines)
    assert holds(rule(match, value, invert=True), DENY, *lines)
    assert not holds(rule(match, value, invert=True), ALLOW, *lines)


@pytest.mark.parametrize("lines", [("ops", "dev"), ("dev", "ops"), ("ops,dev",), ("dev, ops",)])
def test_contains_is_about_the_whole_header(lines):
    """A list contains a value wherever it stands."""
    for action in Verdict:
        assert holds(rule("contains", "ops"), action, *lines)
        assert not holds(rule("contains", "ops", invert=True), action, *lines)
        assert not holds(rule("contains", "web"), action, *lines)


@pytest.mark.parametrize("match", ["exact", "prefix", "suffix", "contains", "regex"])
def test_a_header_that_is_not_there_lets_nobody_in(match):
    """A denial of all but one value denies who leaves it out; an allowance does not allow."""
    for action in Verdict:
        assert not holds(rule(match, "a"), action)
        assert holds(rule(match, "a", invert=True), action) is (action is DENY)
        assert holds(rule("present", invert=True), action)
        assert not holds(rule("present"), action)


def test_a_text_with_a_comma_is_compared_with_whole_lines():
    """Otherwise no list could be allowed by its exact text."""
    assert holds(rule("exact", "a, b"), ALLOW, "a, b")
    assert not holds(rule("exact", "a, b"), ALLOW, "a", "b")
    assert holds(rule("exact", "a,b"), DENY, "a", "b")
    assert holds(rule("exact", "a, b"), DENY, "a", "b")


def test_a_header_that_is_no_list_is_not_taken_apart():
    """The comma of a user agent is a part of its value; two lines are still two values."""
    browser = rule("prefix", "Mozilla/", name="user-agent")
    assert holds(browser, ALLOW, "Mozilla/5.0 (KHTML, like Gecko)")
    assert not holds(browser, ALLOW, "Mozilla/5.0", "curl/8")
    assert not holds(rule("prefix", "Mozilla/"), ALLOW, "Mozilla/5.0 (KHTML, like Gecko)")


@given(HEADERS, values)
def test_whatever_holds_for_an_allow_holds_for_a_deny(condition, lines):
    """A denial is never narrower than the allowance of the same words."""
    assert holds(condition, ALLOW, *lines) <= holds(condition, DENY, *lines)


@given(HEADERS, values, values)
def test_more_values_never_open_and_never_pass_by(condition, lines, more):
    """Who adds a value to a header that is there gains by no condition but ``contains``."""
    if condition.match is HeaderMatch.CONTAINS or not lines:
        return
    assert holds(condition, ALLOW, *lines, *more) <= holds(condition, ALLOW, *lines)
    if "," not in condition.value:
        assert holds(condition, DENY, *lines) <= holds(condition, DENY, *lines, *more)


@given(HEADERS, values, st.randoms())
def test_the_order_of_values_does_not_matter(condition, lines, random):
    """A sender chooses it."""
    if condition.match is HeaderMatch.CONTAINS or "," in condition.value:
        return
    mixed = random.sample(lines, len(lines))
    assert holds(condition, ALLOW, *lines) == holds(condition, ALLOW, *mixed)


@pytest.mark.parametrize(
    ("http", "missing"),
    [
        ({"match": PathMatch.EXACT, "path": "/a"}, ""),
        ({"match": PathMatch.EXACT, "path": "/a/"}, "PathExact"),
        ({"match": PathMatch.PREFIX, "path": "/"}, ""),
        ({"match": PathMatch.PREFIX, "path": "/b"}, "PathPrefix"),
        ({"match": PathMatch.REGEX, "path": "/[a-c]"}, ""),
        ({"match": PathMatch.REGEX, "path": "/"}, "PathRegex"),
        ({"methods": ("GET", "PUT")}, ""),
        ({"methods": ("POST",)}, "Methods"),
        ({"headers": (rule("present"), rule("exact", "y"))}, "Header[1]"),
        ({"match": PathMatch.EXACT, "path": "/b", "methods": ("POST",)}, "PathExact"),
        ({"match": PathMatch.EXACT, "path": "/a", "methods": ("POST",)}, "Methods"),
    ],
)
def test_the_first_part_that_does_not_match_is_named(http, missing):
    """Path, methods, headers; all must match."""
    request = normalised(HttpRequest(method="get", path="/x/../a?q", headers=(("X-Role", "ops"),)))
    permission = Permission(action=ALLOW, http=HttpRule(**http))
    assert unmet(permission, request) == missing


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (HttpRequest(method=""), "Method"),
        (HttpRequest(method="GE T"), "Method"),
        (HttpRequest(method="GET\n"), "Method"),
        (HttpRequest(method="GÉT"), "Method"),
        (HttpRequest(path="/%2f"), "Path"),
        (HttpRequest(headers=(("", "a"),)), "Headers"),
        (HttpRequest(headers=(("x:", "a"),)), "Headers"),
        (HttpRequest(headers=(("x", "a\r\ny: b"),)), "Headers"),
        (HttpRequest(headers=(("x", "\ud800"),)), "Headers"),
        (HttpRequest(headers=(("x", "a"),) * (MOST_LINES + 1)), "Headers"),
        (HttpRequest(headers=(("x", "," * MOST_LINES),)), "Headers"),
        (HttpRequest(headers=(("x", "a" * (MOST_HEADER_TEXT + 1)),)), "Headers"),
    ],
)
def test_what_is_no_request_is_refused(request_, field):
    """It names what is wrong, and is never compared."""
    with pytest.raises(RequestError) as refused:
        normalised(request_)
    assert refused.value.field == field


@given(
    PERMISSIONS,
    st.builds(
        HttpRequest,
        method=st.text(max_size=5),
        path=st.text(max_size=9),
        headers=st.lists(st.tuples(st.text(max_size=4), st.text(max_size=5))).map(tuple),
    ),
)
def test_any_request_is_refused_or_compared(permission, request):
    """Nothing else comes out, whatever goes in."""
    try:
        normal = normalised(request)
    except RequestError:
        return
    assert unmet(permission, normal) in {
        "", "PathExact", "PathPrefix", "PathRegex", "Methods", "Header[0]", "Header[1]", "Header[2]"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("match", "text", "path", "denied", "allowed"),
    [
        ("exact", "/admin", "/admin;x", True, False),
        ("exact", "/admin", "/admin;x=1;y/", False, False),
        ("exact", "/admin", "/;x/admin", True, False),
        ("prefix", "/admin/", "/admin;x/keys", True, False),
        ("prefix", "/", "/map;v=1/x", True, True),
        ("regex", "/a[a-z]+", "/admin;x", True, False),
        ("exact", "/map;v=1", "/map;v=1", True, True),
        ("exact", "/map", "/maps;v=1", False, False),
    ],
)
def test_a_path_with_parameters_is_read_with_them_and_without(match, text, path, denied, allowed):
    """One reading is enough to deny, and both must allow; servers differ in what they drop."""
    http = HttpRule(match=PathMatch(match), path=text)
    request = normalised(HttpRequest(path=path))
    assert (unmet(Permission(action=DENY, http=http), request) == "") is denied
    assert (unmet(Permission(action=ALLOW, http=http), request) == "") is allowed
