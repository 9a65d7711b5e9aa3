"""Names as clients write them."""

import pytest

from ca_core.api.problems import status_of
from ca_core.errors import RequestError
from ca_core.intentions.model import ANY, Name
from ca_core.intentions.naming import (
    checked_name,
    one_service,
    parsed_name,
    right_name,
    short,
)

READ = {
    "foo": Name("default", "foo"),
    "foo/bar": Name("foo", "bar"),
    "default/foo/bar": Name("foo", "bar"),
    "/bar": Name("default", "bar"),
    "//bar": Name("default", "bar"),
    "/foo/bar": Name("foo", "bar"),
    "*": Name("default", "*"),
    "foo/*": Name("foo", "*"),
    "*/*": ANY,
    "a.B-c_9": Name("default", "a.B-c_9"),
}

REFUSED = {
    "": "Name is required",
    "foo/": "Name is required",
    "a/b/c/d": "input can contain at most two '/'",
    "foo/bar/baz": "partition 'foo' is not served, only 'default'",
    "*/foo/bar": "cannot use wildcard '*' in partition",
    "peer:p": "need to specify the service name as well",
    "peer:p/web": "cannot specify a peer here",
    "peer:p/ns/web": "cannot specify a peer here",
    "web*": "wildcard character '*' cannot be used with partial values",
    "w*/web": "wildcard character '*' cannot be used with partial values",
    "**": "wildcard character '*' cannot be used with partial values",
    "*/web": "exact value cannot follow wildcard namespace",
    "a b": "is no name",
    "web%2Fdb": "is no name",
    "..": "is no name",
    "we\u0431": "is no name",
    "web\n": "is no name",
    "x" * 3000: "is no name",
}


@pytest.mark.parametrize("text", READ)
def test_a_name_is_read_in_every_form(text):
    """One part is the service, two a namespace before it, three the partition before that."""
    assert parsed_name(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_name_is_refused_as_a_bad_request(text):
    """The answer is 400, says which parameter it was, and never repeats a long one whole."""
    with pytest.raises(RequestError) as caught:
        parsed_name(text, "source")
    assert REFUSED[text] in str(caught.value)
    assert caught.value.field == "source"
    assert status_of(caught.value) == 400
    assert len(str(caught.value)) < 300


def test_empty_parts_are_the_default_ones():
    """In a body an absent namespace or partition is ``default``."""
    assert checked_name("web", field="x") == Name("default", "web")
    assert checked_name("web", "ns", "default", field="x") == Name("ns", "web")


@pytest.mark.parametrize("name", [Name("default", "*"), ANY])
def test_one_service_is_no_wildcard(name):
    """Where one service is asked for, a set of them is refused."""
    with pytest.raises(RequestError, match="destination: must be one service"):
        one_service(name, "destination")
    assert one_service(Name("ns", "db"), "destination") == Name("ns", "db")


def test_the_default_namespace_is_not_written():
    """People write it only where it says something."""
    assert short(Name("default", "db")) == "db"
    assert short(Name("ns", "db")) == "ns/db"


def test_a_rule_on_a_name_says_nothing_of_other_namespaces():
    """Rights on ``db``, or on ``n…``, are none on ``ns/db``; every wildcard is ``*``."""
    assert right_name(Name("default", "db")) == "db"
    assert right_name(Name("ns", "db")) == "/ns/db"
    assert {right_name(Name("default", "*")), right_name(Name("ns", "*")), right_name(ANY)} == {"*"}
