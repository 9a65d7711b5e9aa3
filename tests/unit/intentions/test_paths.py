"""Tests of the one way in which paths are written."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.intentions.paths import MOST_PATH, normal_path, require_normal

PIECES = (
    "/",
    "//",
    ".",
    "..",
    ";",
    "a",
    "b",
    "%61",
    "%2e",
    "%2E",
    "%2f",
    "%25",
    "%",
    "\\",
    "é",
    "?",
)
made = st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: "/" + "".join(parts))
anything = st.text(max_size=20).map(lambda text: f"/{text}")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/admin/", "/admin/"),
        ("/admin?x=/../y", "/admin"),
        ("/%61dmin", "/admin"),
        ("/%7Euser", "/~user"),
        ("/a%3ab%40c%3B", "/a:b@c;"),
        ("/a%20b%c3%a9", "/a%20b%C3%A9"),
        ("/é", "/%C3%A9"),
        ("/a<b>", "/a%3Cb%3E"),
        ("/100%25", "/100%25"),
        ("//admin", "/admin"),
        ("/a//b///c", "/a/b/c"),
        ("/./admin", "/admin"),
        ("/x/../admin", "/admin"),
        ("/x/%2e%2E/admin", "/admin"),
        ("/x/y/..", "/x/"),
        ("/x/.", "/x/"),
        ("/x/..", "/"),
        ("/...", "/..."),
        ("/.hidden", "/.hidden"),
        ("/a..b/.c", "/a..b/.c"),
    ],
)
def test_every_spelling_of_a_path_has_one_form(target, path):
    """RFC 3986 §6.2.2, and empty segments merged."""
    assert normal_path(target) == path


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("", "does not begin"), ("*", "does not begin"), ("http://h/a", "does not begin"),
        ("/a%2fb", "hides"), ("/a%2Fb", "hides"), ("/a%5Cb", "hides"), ("/a%00", "hides"),
        ("/a%0d%0a", "hides"), ("/a%7f", "hides"), ("/a%3f", "hides"), ("/a%23", "hides"),
        ("/a\\b", "holds"), ("/a#b", "holds"), ("/a b", "holds"), ("/a\nb", "holds"),
        ("/a\x00", "holds"), ("/a\x7f", "holds"), ("/\ud800", "is no text"),
        ("/a%", "broken"), ("/a%4", "broken"), ("/a%zz", "broken"), ("/a%u0041", "broken"),
        ("/%2561dmin", "twice"), ("/%25%36%31", "twice"), ("/%252e%252e/a", "twice"),
        ("/%c0%af", "UTF-8"), ("/a%FF", "UTF-8"),
        ("/..", "above"), ("/a/../../b", "above"), ("/%2e%2e/a", "above"),
        ("/a//../b", "empty segment"), ("//..", "empty segment"), ("/a/;x/../b", "empty segment"),
        ("/a/..;/admin", "parameters"), ("/.;x/admin", "parameters"), ("/a/%2e.%3b", "parameters"),
        ("/" + "a" * MOST_PATH, "longer"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(target, fault):
    """Nobody guesses what the server behind would make of it."""
    with pytest.raises(RequestError, match=f"^Path: the path .*{fault}"):
        normal_path(target)


@given(made | anything)
def test_the_form_is_one(target):
    """What is written in its form stays as it is, and has nothing in it to resolve."""
    try:
        path = normal_path(target)
    except RequestError:
        return
    assert normal_path(path) == path
    assert path.isascii()
    assert "//" not in path
    assert not {".", ".."} & set(path.split("/"))


@given(made, st.data())
def test_an_escape_more_changes_nothing(target, data):
    """Whichever letters are escaped, the path is the same."""
    try:
        path = normal_path(target)
    except RequestError:
        return
    signs = re.findall(r"%..|.", path)
    chosen = data.draw(st.sets(st.integers(0, len(signs))))
    spelled = (
        f"%{ord(sign):02x}" if at in chosen and len(sign) == 1 and sign != "/" else sign
        for at, sign in enumerate(signs)
    )
    assert normal_path("".join(spelled)) == path


@given(made | anything)
def test_a_server_that_decodes_once_reads_the_same(target):
    """Decoded, the form is the path that the escapes of the target spell, dots resolved."""
    try:
        path = normal_path(target)
    except RequestError:
        return
    segments = [part for part in unquote(target.partition("?")[0]).split("/") if part]
    segments = [part for part in segments if part != "."]
    kept = []
    for part in segments:
        if part == "..":
            kept.pop()
        else:
            kept.append(part)
    assert [part for part in unquote(path).split("/") if part] == kept


@pytest.mark.parametrize(
    ("text", "prefix", "wanted"),
    [
        ("/v2//admin", False, "/v2/admin"),
        ("/%61", False, "/a"),
        ("/é", True, "/%C3%A9"),
        ("/a?x", False, "/a"),
        ("/a/../b", True, "/b"),
        ("/a//", True, "/a/"),
    ],
)
def test_a_rule_that_no_path_could_match_is_refused(text, prefix, wanted):
    """A denial that never matches would be an allowance; the error says how to write it."""
    with pytest.raises(RequestError, match="would match no request") as refused:
        require_normal(text, "F", prefix=prefix)
    assert wanted in refused.value.hint
    require_normal(wanted, "F", prefix=prefix)


@pytest.mark.parametrize("text", ["/a/.", "/a/..", "/", "/v1/", "/a.b", "/%C3%A9"])
def test_a_prefix_may_end_anywhere(text):
    """``/a/.`` begins ``/a/.hidden``; it has nothing to resolve."""
    require_normal(text, "F", prefix=True)
