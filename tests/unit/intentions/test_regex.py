"""Regular expressions that cannot blow up."""

import time

import pytest

from ca_core.errors import RequestError
from ca_core.intentions.regex import MAX_LENGTH, checked_regex, compiled

REFUSED = {
    "[": "is no regular expression",
    "(?=x)a": "is no regular expression",
    r"(a)\1": "is no regular expression",
    "(a{1,1000}){1,1000}": "is no regular expression",
    r"\pL{1,1000}": "is no regular expression",
    "a" * (MAX_LENGTH + 1): "exceeds maximum length 1024",
    "a\ud800": "it is not UTF-8",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_unbounded_or_wrong_is_refused(text):
    """Too long, too large, or of another syntax: 400 that names the place."""
    with pytest.raises(RequestError, match=r"^Here: ") as caught:
        checked_regex(text, "Here")
    assert REFUSED[text] in str(caught.value)


def test_the_longest_expression_is_taken():
    """The limits are the limits."""
    checked_regex("a" * MAX_LENGTH, "x")


def test_the_whole_text_must_match():
    """A part that matches is no match."""
    pattern = compiled("/v[0-9]+/.*")
    assert pattern.fullmatch("/v1/users")
    assert not pattern.fullmatch("x/v1/users")
    assert not compiled("a").fullmatch("ab")


def test_an_expression_that_ruins_backtrackers_is_quick():
    """What takes Python's own engine for ever takes milliseconds."""
    pattern = compiled("(a+)+$")
    began = time.perf_counter()
    assert not pattern.fullmatch("a" * 100_000 + "b")
    assert time.perf_counter() - began < 1
