"""Tests of what a new provider may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import ConflictError, RequestError
from ca_core.scaffold.naming import MAX_NAME, PluginName, refuse_taken

GOOD = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,6}){0,3}", fullmatch=True)


def test_a_name_gives_every_other_name():
    """Package, import and classes follow from it."""
    name = PluginName("acme-corp2")
    assert name.distribution == "ca-provider-acme-corp2"
    assert name.package == "ca_provider_acme_corp2"
    assert name.class_prefix == "AcmeCorp2"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "not lower-case"),
        ("Acme", "not lower-case"),
        ("acme_corp", "not lower-case"),
        ("2fast", "not lower-case"),
        ("-acme", "not lower-case"),
        ("acme-", "not lower-case"),
        ("acme--corp", "not lower-case"),
        ("../acme", "not lower-case"),
        ("acme\n", "not lower-case"),
        ("äcme", "not lower-case"),
        ("class", "a word of Python"),
        ("lambda", "a word of Python"),
        ("a" * (MAX_NAME + 1), "longer than"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(name, why):
    """The error says what is wrong, and which argument it is about."""
    with pytest.raises(RequestError, match=why) as refused:
        PluginName(name)
    assert refused.value.field == "NAME"


@given(st.text(max_size=60))
def test_every_refusal_suggests_a_name_that_will_do(text):
    """The hint can be typed as it stands."""
    try:
        PluginName(text)
    except RequestError as error:
        PluginName(error.hint.rpartition(" ")[2])


@given(GOOD)
def test_a_name_that_will_do_is_a_module_that_can_be_imported(text):
    """Import and class names are identifiers."""
    try:
        name = PluginName(text)
    except RequestError:  # a word of Python
        return
    assert name.package.isidentifier()
    assert name.class_prefix.isidentifier()


@pytest.mark.parametrize("taken", ["acme", "ca-provider-acme"])
def test_a_taken_name_is_refused_and_its_owner_named(taken):
    """Neither the provider's name nor the package's may be somebody's."""
    with pytest.raises(ConflictError, match="taken by the owner") as refused:
        refuse_taken(PluginName("acme"), {taken: "the owner"})
    assert "ca-core plugin new my-acme" in refused.value.hint


def test_a_free_name_passes():
    """What others are called does not matter."""
    refuse_taken(PluginName("acme"), {"acme-2": "somebody"})
