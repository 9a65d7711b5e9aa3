"""The part of HCL that rules are written in."""

import pytest

from ca_core.acl.hcl import MOST_DEEP, parse_hcl
from ca_core.errors import RequestError

WEB = (("service", (("web", (("policy", "read"),)),)),)


@pytest.mark.parametrize(
    "text",
    [
        'service "web" { policy = "read" }',
        'service web { policy = "read" }',
        '"service" "web" { "policy" = "read" }',
        'service "web" {\n\tpolicy = "read"\n}\n',
        'service "web" { policy: "read", }',
        'service { web { policy = "read" } }',
        'service = { "web" = { policy = "read" } }',
        'service = { web: { policy = "read" }, }',
        'service\n"web"\n{\npolicy\n=\n"read"\n}',
        '# a\nservice "web" { // b\n policy = /* c\n d */ "read" } # e',
        '/* a */ service "web" { policy /**/ = "read" } /* b */',
        'service "w\\u0065b" { policy = "\\U00000072ead" }',
    ],
)
def test_every_form_of_a_block_is_one_table(text):
    """Labels, objects, quoted keys and separators are ways to write the same."""
    assert parse_hcl(text) == WEB


def test_a_word_may_come_again():
    """Blocks of one kind stand beside each other, in order; what that means is not said here."""
    pairs = (("a", (("x", ()),)), ("a", (("y", ()),)), ("b", "1"), ("b", "2"))
    assert parse_hcl('a "x" {} a "y" {} b = "1" b = "2"') == pairs


def test_escapes_are_those_of_strings():
    """Quotes, backslashes, line ends and code points."""
    assert parse_hcl(r'a = "\"\\\n\r\t\u00e9\U0001F600"') == (("a", '"\\\n\r\t\u00e9\U0001f600'),)


WRONG = {
    'a = "${b}"': "line 1: interpolation",
    'a = "%{ if b }"': "line 1: interpolation",
    '\na "${b}" {}': "line 2: interpolation",
    'a = "$${b}"': "line 1: interpolation",
    'a = "\\x"': "line 1: unknown escape",
    'a = "\\u12"': "line 1: unknown escape",
    'a = "\\U00110000"': "line 1: unknown escape",
    'a = "b': "line 1: a string without its closing quote",
    'a = "b\nc"': "line 1: a string without its closing quote",
    "a = b": "line 1: expected a string in quotes",
    "\n\na =": 'line 3: expected a string in quotes, as in = "read", not the end',
    "a": "line 1: expected a string in quotes",
    'a "b" = "c"': "line 1: expected '{', not '='",
    'a "b"': "line 1: expected '{', not the end",
    "a {": "line 1: expected a name or '}', not the end",
    "a { } }": "line 1: expected a name, not '}'",
    "a {,}": "line 1: expected a name or '}', not ','",
    "a = 1": "line 1: '1' has no place in rules",
    "a = -1": "line 1: '-1' has no place in rules",
    "a = [1]": "line 1: '[1]' has no place in rules",
    "a = <<E\nE": "line 1: '<<E' has no place in rules",
    'a = upper("b")': "line 1: expected a string in quotes",
    '/* a\nb */ a = "b" ;': "line 2: ';' has no place in rules",
    "/* a": "line 1: a comment without its end",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_a_rule_names_its_line(text):
    """Expressions, lists and numbers have no meaning here; nothing is evaluated."""
    with pytest.raises(RequestError) as caught:
        parse_hcl(text)
    assert WRONG[text] in str(caught.value)


def test_depth_is_bounded():
    """As deep as is allowed, however it is written, and no deeper."""
    for word in ("a {", "a = {", '"a" {'):
        assert parse_hcl(word * MOST_DEEP + "}" * MOST_DEEP)
        with pytest.raises(RequestError, match="levels deep"):
            parse_hcl(word * (MOST_DEEP + 1) + "}" * (MOST_DEEP + 1))
    labels = '"x" ' * MOST_DEEP
    with pytest.raises(RequestError, match="levels deep"):
        parse_hcl(f"a {labels} {{}}")
