"""Selectors and names of binding rules: what they are true of, and what is refused when written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.bindingrules import (
    BindingRuleRow,
    BindType,
    applies,
    bound_name,
    require_bind_name,
    require_selector,
)
from ca_core.acl.selectors import MOST_TERMS, Claims, parse_selector, selects
from ca_core.errors import RequestError

CLAIMS = Claims(
    values={"env": "prod", "team": "a b", "quote": 'say "hi"\\'}, lists={"groups": ("ops", "eng")}
)

TRUE = [
    "",
    "   ",
    'value.env == "prod"',
    "value.env == `prod`",
    'value.env=="prod"',
    '"ops" in list.groups',
    'list.groups contains "eng"',
    'value.env == "prod" and "ops" in list.groups and list.groups contains "eng"',
    'value.team == "a b"',
    r'value.quote == "say \"hi\"\\"',
]

FALSE = [
    'value.env == "dev"',
    'value.env == "Prod"',
    'value.env == ""',
    'value.nothing == ""',
    '"op" in list.groups',
    '"ops" in list.nothing',
    'list.env contains "prod"',
    'value.env == "prod" and "none" in list.groups',
]


@pytest.mark.parametrize("text", TRUE)
def test_a_selector_is_true_of_what_it_says(text):
    """Every form that is served; the empty one is true of everything."""
    assert selects(parse_selector(text), CLAIMS)


@pytest.mark.parametrize("text", FALSE)
def test_a_selector_is_false_of_anything_else(text):
    """Comparison is whole and minds case; what is not there is equal to nothing."""
    assert not selects(parse_selector(text), CLAIMS)


REFUSED = [
    'value.env != "prod"',
    'not value.env == "prod"',
    'value.env == "prod" or value.env == "dev"',
    '(value.env == "prod")',
    "value.env is empty",
    'value.env matches "p.*"',
    '"ops" not in list.groups',
    '"prod" in value.env',
    'list.groups == "ops"',
    'value.env == "prod" and',
    'and value.env == "prod"',
    'value.env == "prod" value.env == "prod"',
    "value.env",
    "value.env == prod",
    'value.env == "prod',
    'env == "prod"',
    'value.a.b == "prod"',
    'value["env"] == "prod"',
    '"prod" == value.env',
    'value.env == "prod" # comment',
    'value.env == "a" and value.env == "b" and value.env ==',
    "x" * 1025,
    " and ".join(['value.env == "prod"'] * (MOST_TERMS + 1)),
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_served_is_refused(text):
    """A condition that nobody evaluates is never taken for true."""
    with pytest.raises(RequestError) as refused:
        parse_selector(text)
    assert refused.value.field == "Selector"


@given(st.text(max_size=60))
def test_whatever_is_written_is_parsed_or_refused(text):
    """Nothing else happens, and nothing but the empty selector is true of an empty JWT."""
    try:
        selector = parse_selector(text)
    except RequestError:
        return
    assert selects(selector, Claims()) is (not text.strip())


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_quoted_text_is_equal_to_itself_alone(one, other):
    """No text ends its own quotes, or becomes a term of its own."""
    quoted = one.replace("\\", "\\\\").replace('"', '\\"')
    selector = parse_selector(f'value.x == "{quoted}"')
    assert len(selector) == 1
    assert selects(selector, Claims(values={"x": other})) is (one == other)


def rule(name, kind=BindType.SERVICE, selector=""):
    """Return a binding rule."""
    return BindingRuleRow(id="id", method="ci", kind=kind, name=name, selector=selector)


def test_a_service_is_named_by_what_the_jwt_says():
    """Placeholders are filled with mapped claims, text around them stays."""
    claims = Claims(values={"app": "web", "env": "prod"})
    assert bound_name(rule("${value.app}"), claims) == "web"
    assert bound_name(rule("x-${ value.env }-${value.app}"), claims) == "x-prod-web"
    assert bound_name(rule("fixed"), claims) == "fixed"
    assert bound_name(rule("builtin/x", BindType.POLICY), claims) == "builtin/x"


@pytest.mark.parametrize(
    "said", ["", "*", "a/b", "..", "a b", "web\n", "${value.env}", "wéb", "x" * 257, "a%2Fb"]
)
def test_a_jwt_that_fills_in_no_name_gets_nothing(said):
    """A claim is put in once, and never becomes a wildcard, a path or another placeholder."""
    claims = Claims(values={"app": said, "env": "prod"})
    assert bound_name(rule("${value.app}"), claims) is None
    assert bound_name(rule("x-${value.missing}"), claims) is None
    assert bound_name(rule("x-${value.empty}"), Claims(values={"empty": ""})) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (BindType.SERVICE, "${value.unknown}"),
        (BindType.SERVICE, "${list.groups}"),
        (BindType.SERVICE, "${env}"),
        (BindType.SERVICE, "a/${value.env}"),
        (BindType.SERVICE, "*"),
        (BindType.SERVICE, ""),
        (BindType.POLICY, "${value.env}"),
        (BindType.POLICY, "p-${value.env}"),
        (BindType.POLICY, ""),
        (BindType.POLICY, "a b"),
    ],
)
def test_a_name_that_no_login_could_have_is_refused_when_written(kind, name):
    """Unknown claims, other placeholders, wildcards; and no JWT chooses a policy."""
    with pytest.raises(RequestError) as refused:
        require_bind_name(kind, name, frozenset({"env"}))
    assert refused.value.field == "BindName"


def test_names_of_every_kind_are_taken():
    """What the tests above break is enough as it is."""
    require_bind_name(BindType.SERVICE, "x-${value.env}", frozenset({"env"}))
    require_bind_name(BindType.POLICY, "global-management", frozenset())
    require_bind_name(BindType.POLICY, "builtin/global-read-only", frozenset())


def test_a_selector_speaks_of_what_the_method_knows():
    """A text is no list, and an unknown name is never right."""
    values, lists = frozenset({"env"}), frozenset({"groups"})
    require_selector('value.env == "x" and "y" in list.groups', values, lists)
    for text in ('value.groups == "x"', '"x" in list.env', 'value.other == "x"'):
        with pytest.raises(RequestError, match="Mappings"):
            require_selector(text, values, lists)


def test_a_rule_applies_where_its_selector_is_true():
    """The row keeps the text; it is parsed when it is asked."""
    assert applies(rule("x", selector='value.env == "prod"'), CLAIMS)
    assert not applies(rule("x", selector='value.env == "dev"'), CLAIMS)
