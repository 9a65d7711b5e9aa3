"""Policy documents: three notations, one meaning, and what is refused."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.documentrules import ABSENT, MOST_NAME, MOST_RULES
from ca_core.acl.documents import MOST_BYTES, MOST_IN_A_LINE, Notation, notation_of, parse_document
from ca_core.acl.rights import merged
from ca_core.acl.rules import Level, Resource, Rule
from ca_core.acl.writing import document_of
from ca_core.errors import RequestError

TOML = """
operator = "write"
acl = "read"
[service.web]
policy = "write"
intentions = "deny"
[service_prefix.""]
policy = "read"
[node.n1]
policy = "deny"
[node_prefix.n]
policy = "read"
[agent.a]
policy = "read"
[agent_prefix.""]
policy = "write"
"""

HCL = """
# what a team may
operator = "write"
acl = "read" // never write
service "web" { policy = "write" intentions = "deny" }
service_prefix "" {
  policy = "read"
}
/* nodes
   and agents */
node "n1" { policy = "deny", }
node_prefix = { "n" = { policy = "read" } }
agent a {
  policy: "read"
}
"agent_prefix" "" { "policy" = "write" }
"""

JSON = """{
  "operator": "write", "acl": "read",
  "service": {"web": {"policy": "write", "intentions": "deny"}},
  "service_prefix": {"": {"policy": "read"}},
  "node": {"n1": {"policy": "deny"}}, "node_prefix": {"n": {"policy": "read"}},
  "agent": {"a": {"policy": "read"}}, "agent_prefix": {"": {"policy": "write"}}
}"""

RULES = merged(
    [
        Rule(Resource.OPERATOR, "", Level.WRITE),
        Rule(Resource.ACL, "", Level.READ),
        Rule(Resource.SERVICE, "web", Level.WRITE),
        Rule(Resource.INTENTION, "web", Level.DENY),
        Rule(Resource.SERVICE, "", Level.READ, prefix=True),
        Rule(Resource.INTENTION, "", Level.READ, prefix=True),
        Rule(Resource.NODE, "n1", Level.DENY),
        Rule(Resource.NODE, "n", Level.READ, prefix=True),
        Rule(Resource.AGENT, "a", Level.READ),
        Rule(Resource.AGENT, "", Level.WRITE, prefix=True),
    ]
)
TEXTS = {Notation.TOML: TOML, Notation.HCL: HCL, Notation.JSON: JSON}


@pytest.mark.parametrize("notation", Notation)
def test_every_notation_says_the_same(notation):
    """One policy in TOML, JSON and HCL is one set of rules, said or recognised."""
    assert notation_of(TEXTS[notation]) is notation
    assert parse_document(TEXTS[notation]) == RULES
    assert parse_document(TEXTS[notation], notation) == RULES


@pytest.mark.parametrize(
    ("policy", "intentions"), [("write", Level.READ), ("read", Level.READ), ("deny", Level.DENY)]
)
def test_intentions_left_out_are_read_at_most(policy, intentions):
    """Whoever may be a service may see its intentions, and never change them."""
    rules = parse_document(f'service "web" {{ policy = "{policy}" }}')
    assert Rule(Resource.INTENTION, "web", intentions) in rules


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "/* nothing */", "{}", " {\n} "])
def test_an_empty_document_has_no_rules(text):
    """A policy may say nothing."""
    assert parse_document(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        'service.web.policy = "read"',
        'service = {web = {policy = "read"}}\n[node.x]\npolicy = "read"',
        '  [service.web]\npolicy = "read"',
        '[service]\nweb = {policy = "read"}',
    ],
)
def test_toml_is_recognised_by_its_heads_and_dots(text):
    """What no HCL has decides; the rest means the same in both."""
    assert notation_of(text) is Notation.TOML
    assert Rule(Resource.SERVICE, "web", Level.READ) in parse_document(text)


@pytest.mark.parametrize("word", sorted(ABSENT))
@pytest.mark.parametrize("shape", ['{} "x" {{ policy = "read" }}', '{} = "read"', "{} {{ }}"])
def test_what_is_not_here_is_refused_by_name(word, shape):
    """A rule that would decide nothing is an error which says what to do, never ignored."""
    with pytest.raises(RequestError, match=r"ca-core has no .*leave these rules out") as caught:
        parse_document(shape.format(word))
    assert caught.value.field == word


REFUSED = {
    'servce "x" { policy = "read" }': "did you mean 'service'",
    'service_prefx "x" { policy = "read" }': "did you mean 'service_prefix'",
    'service "x" { policey = "read" }': "did you mean 'policy'",
    'service "x" { policy = "reed" }': "did you mean 'read'",
    'service "x" { policy = "Write" }': "did you mean 'write'",
    'service "x" { policy = "" }': "unknown level ''; known: deny, read, write",
    'service "x" { policy = "list" }': "only keys can be listed",
    'service "x" { intentions = "read" }': "policy is missing",
    'service "x" { }': "policy is missing",
    'service "x" { policy = "read" policy = "write" }': "policy is given twice",
    'service "x" { policy = "read" intentions = "list" }': "only keys can be listed",
    'service "x" { policy = "read" sentinel { code = "x" } }': "no Sentinel",
    'service "x" { policy { } }': 'expected "read", "write" or "deny"',
    'node "x" { policy = "read" intentions = "read" }': "only rules on services have intentions",
    'agent "x" { policy = "read" intentions = "read" }': "only rules on services have intentions",
    'service = "read"': "expected names",
    'service = { "x" = "read" }': 'expected { policy = "read" }',
    'operator "x" { policy = "read" }': 'expected "read", "write" or "deny"',
    'operator { policy = "read" }': 'expected "read", "write" or "deny"',
    'operator = "read" operator = "write"': "operator: given twice",
    'acl = "read" acl = "read"': "acl: given twice",
    'service "x" { policy = "read" } service "x" { policy = "read" }': 'service "x": given twice',
    'service "x" { policy = "read" } service = { x = { policy = "read" } }': "given twice",
    'service "a\\nb" { policy = "read" }': "cannot be printed",
    'service "\\u0000" { policy = "read" }': "cannot be printed",
    f'service "{"x" * (MOST_NAME + 1)}" {{ policy = "read" }}': "a name longer than",
    '{"operator": "read", "operator": "write"}': "given twice",
    '{"service": {"x": {"policy": "read"}}, "service": {"y": {"policy": "read"}}}': "given twice",
    '{"service": [{"x": {"policy": "read"}}]}': "expected names",
    '{"service": {"x": {"policy": ["read"]}}}': 'expected "read", "write" or "deny"',
    '{"service": {"x": {"policy": null}}}': 'expected "read", "write" or "deny"',
    '{"operator": 1}': 'expected "read", "write" or "deny"',
    '{"operator": NaN}': 'expected "read", "write" or "deny"',
    '{"service": null}': "expected names",
    '{"\\ud800": "read"}': "unknown kind of rule",
    '{"service": {"${x}": {"policy": "read"}}}': "a placeholder",
    '[service."a%{x}"]\npolicy = "read"': "a placeholder",
    '{"service": {"\\ud800": {"policy": "read"}}}': "cannot be printed",
    '{"service": {"x": {"\\ud800": "read"}}}': "unknown key",
    '{"service": {"x": {"policy": "\\ud800"}}}': "unknown level",
    '{"operator": "read"} x': "not JSON",
    "{": "not JSON",
    '[service.x]\npolicy = "read"\npolicy = "read"': "not TOML",
    "[service.x]\npolicy = 2020-01-01": 'expected "read", "write" or "deny"',
    '[[service.x]]\npolicy = "read"': 'expected { policy = "read" }',
    '[service.x]\npolicy = "read"\n[service.x]\npolicy = "read"': "not TOML",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_document_is_refused_with_what_is_wrong(text):
    """Nothing is guessed: unknown words, doubles and wrong shapes are errors that can be shown."""
    with pytest.raises(RequestError) as caught:
        parse_document(text)
    assert REFUSED[text] in str(caught.value)
    assert str(caught.value).encode()
    assert caught.value.field


@pytest.mark.parametrize(
    ("text", "notation"),
    [("null", Notation.JSON), ("[]", Notation.JSON), ('"x"', Notation.JSON), ("1", Notation.JSON),
     (HCL, Notation.TOML), (TOML, Notation.HCL), (HCL, Notation.JSON), (JSON, Notation.HCL)],
)  # fmt: skip
def test_a_notation_that_is_said_is_not_guessed(text, notation):
    """A document in another notation than the caller's is an error, not read anyway."""
    with pytest.raises(RequestError):
        parse_document(text, notation)


HOSTILE = {
    "blocks in blocks": "a {" * 15_000,
    "labels": "a " * 30_000,
    "lists": "a = " + "[" * 60_000,
    "parentheses": "a = " + "(" * 60_000,
    "a huge number": "a = " + "9" * 60_000,
    "an open string": 'a = "' + "x" * 60_000,
    "escapes": 'a = "' + "\\" * 60_000,
    "an open comment": "/*" + "/" * 60_000,
    "comments": "/**/" * 15_000 + "x",
    "interpolations": 'a = "' + "${" * 30_000 + '"',
    "JSON objects": '{"a":' * 13_000,
    "JSON lists": '{"a":' + "[" * 60_000,
    "a huge JSON number": '{"a":' + "9" * 60_000 + "}",
    "a large JSON exponent": '{"operator":1e' + "9" * 300 + "}",
    "TOML dots": ("a." * 2_000 + "a=1\n") * 15,
    "short TOML dots": "".join("a." * 250 + f"b{n}=1\n" for n in range(125)),
    "TOML lists": "[a]\nb=" + "[\n" * 30_000,
    "TOML tables": "[[a]]\n" * 10_000,
    "TOML heads": "".join(f"[{'a.' * 250}b{n}]\n" for n in range(125)),
    "blanks": " " * 65_000 + "x",
    "a long word": "a" * 65_000,
    "half a character": 'operator = "\ud800"',
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_document_is_refused_at_once(case):
    """Depth, size and numbers end in an error of ours, well within a second of this process."""
    began = time.process_time()
    for notation in (None, *Notation):
        with pytest.raises(RequestError):
            parse_document(HOSTILE[case], notation)
    assert time.process_time() - began < 2


def test_size_and_number_are_bounded():
    """As many rules as are allowed are read; one more, or one byte more, is not."""
    document = "".join(f'node "n{n}" {{ policy = "read" }}\n' for n in range(MOST_RULES))
    assert len(parse_document(document)) == MOST_RULES
    with pytest.raises(RequestError, match="more than 1000 rules"):
        parse_document(document + 'node "x" { policy = "read" }')
    full = document + "#" * (MOST_BYTES - len(document))
    assert len(parse_document(full)) == MOST_RULES
    with pytest.raises(RequestError, match="65537 bytes, at most 65536"):
        parse_document(full + "#")


def test_a_line_of_toml_is_bounded():
    """A dotted key takes the square of its length to parse; as long as may be is read."""
    longest = '[service.x]\npolicy = "read"'.ljust(len("[service.x]\n") + MOST_IN_A_LINE)
    assert parse_document(longest) == parse_document('service "x" { policy = "read" }')
    with pytest.raises(RequestError, match="a line of more than 512 characters"):
        parse_document(longest + " ")


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), max_size=12).filter(
    lambda name: "${" not in name and "%{" not in name
)
SPOKEN = st.builds(
    Rule,
    resource=st.sampled_from(sorted(set(Resource) - {Resource.INTENTION})),
    name=PRINTABLE,
    level=st.sampled_from(Level),
    prefix=st.booleans(),
)


@st.composite
def documents(draw):
    """Rules that a document can say: each on a service has one on its intentions."""
    rules = draw(st.lists(SPOKEN, max_size=10))
    services = [rule for rule in rules if rule.resource is Resource.SERVICE]
    levels = [draw(st.sampled_from(Level)) for _ in services]
    pairs = zip(services, levels, strict=True)
    return (*rules, *(Rule(Resource.INTENTION, r.name, lv, r.prefix) for r, lv in pairs))


@given(documents(), st.sampled_from(Notation))
def test_a_document_shown_is_the_rules(rules, notation):
    """What is shown parses to the same rules, and is shown the same again, in every notation."""
    text = document_of(rules, notation)
    assert parse_document(text, notation) == merged(rules)
    assert document_of(parse_document(text, notation), notation) == text


@given(documents(), st.sampled_from(Notation))
def test_what_is_shown_is_recognised(rules, notation):
    """Nobody has to say in which notation a document of ours is."""
    assert parse_document(document_of(rules, notation)) == merged(rules)


@pytest.mark.parametrize("resource", [Resource.SERVICE, Resource.INTENTION])
def test_half_a_service_rule_cannot_be_shown(resource):
    """No document says the one without the other; showing it would add a right."""
    with pytest.raises(RequestError, match="alone"):
        document_of((Rule(resource, "web", Level.WRITE),))


@given(st.text(max_size=80))
def test_any_text_is_rules_or_refused(text):
    """Nothing but our own error leaves the parser."""
    for notation in (None, *Notation):
        try:
            parse_document(text, notation)
        except RequestError as error:
            assert error.field  # noqa: PT017 - most texts are refused, some are not


WORDS = ["service", "operator", "policy", '"read"', '"x"', "{", "}", "=", ":", ",", "[", "]", ".",
         "\n", "#", "//", "/*", "*/", '"', "\\", "${", "intentions", "<<E", "1"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_words_in_any_order_are_rules_or_refused(text):
    """The vocabulary itself, shuffled, is understood or refused, and means what it shows."""
    try:
        rules = parse_document(text)
    except RequestError:
        return
    assert parse_document(document_of(rules)) == rules
