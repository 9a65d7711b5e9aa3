import copy
import pickle
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import ConfigError
from ca_core.fields import Secret, json_in_clear, json_schema, nearest_hint, parse_struct

TEXT = "s.hunter2"


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    """A nested section."""

    name: str
    pause: timedelta = timedelta(seconds=1)


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    """A section with everything in it."""

    address: Annotated[str, msgspec.Meta(description="where it is")]
    token: Secret | None = None
    ttl: timedelta = timedelta(hours=72)
    maybe: Optional[timedelta] = None  # noqa: UP045 - providers may write it so
    size: int = 1
    mode: Literal["a", "b"] = "a"
    inner: Inner | None = None
    many: list[Inner] = []
    pairs: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}


def parsed(**raw: Any) -> Outer:
    """Return the section, the address given."""
    return parse_struct(Outer, {"address": "a", **raw}, where="ca.config")


def test_text_becomes_durations_and_secrets_at_every_depth():
    """In the section, in nested ones, in lists and in tables."""
    found = parsed(
        ttl="90m",
        maybe="5s",
        token=TEXT,
        inner={"name": "x", "pause": "2s"},
        many=[{"name": "y", "pause": "3s"}],
        pairs=[{"name": "z", "pause": "4s"}],
        named={"k": {"name": "w", "pause": "5s"}},
    )
    assert found.ttl == timedelta(minutes=90)
    assert found.maybe == timedelta(seconds=5)
    assert found.token is not None
    assert found.token.reveal() == TEXT
    assert found.inner is not None
    pauses = [found.inner, found.many[0], found.pairs[0], found.named["k"]]
    assert [inner.pause.seconds for inner in pauses] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("raw", "where", "hint"),
    [
        ({"adress": "a"}, "ca.config.adress", "did you mean 'address'"),
        ({"zzz": 1}, "ca.config.zzz", "known: address"),
        ({"inner": {"name": "x", "pauze": "1s"}}, "ca.config.inner.pauze", "'pause'"),
        ({"many": [{"name": "x"}, {"nmae": "x"}]}, "ca.config.many[1].nmae", "'name'"),
        ({"pairs": [{"nmae": "x"}]}, "ca.config.pairs[0].nmae", "'name'"),
        ({"named": {"k": {"nmae": "x"}}}, "ca.config.named.k.nmae", "'name'"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    raw: Mapping[str, Any], where: str, hint: str
):
    """At every depth, by its full dotted name."""
    with pytest.raises(ConfigError, match="unknown key") as caught:
        parsed(**raw)
    assert caught.value.where == where
    assert hint in str(caught.value)


def test_a_word_that_is_none_of_those_allowed_is_refused_with_all_of_them():
    """Nobody has to look up what a setting takes."""
    with pytest.raises(ConfigError, match="'c' is none of: a, b") as caught:
        parsed(mode="c")
    assert caught.value.where == "ca.config.mode"


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ({"size": "1"}, "ca.config.size"),
        ({"size": True}, "ca.config.size"),
        ({"ttl": 72}, "ca.config.ttl"),
        ({"ttl": "72"}, "ca.config.ttl"),
        ({"ttl": "-1h"}, "ca.config.ttl"),
        ({"ttl": "1e9h"}, "ca.config.ttl"),
        ({"inner": {"name": "x", "pause": "1"}}, "ca.config.inner.pause"),
        ({"inner": {"name": 3}}, "ca.config.inner.name"),
        ({"inner": []}, "ca.config.inner"),
        ({"many": {}}, "ca.config.many"),
        ({"mode": "c"}, "ca.config.mode"),
    ],
)
def test_a_wrong_value_is_refused_by_its_dotted_name(raw: Mapping[str, Any], where: str):
    """Types are strict: text is no number, a number is no duration."""
    with pytest.raises(ConfigError) as caught:
        parsed(**raw)
    assert caught.value.where == where
    assert str(caught.value).startswith(f"{where}: ")


def test_a_missing_key_is_named():
    """The message says which one, and where."""
    with pytest.raises(ConfigError, match=r"ca\.config: .*address"):
        parse_struct(Outer, {}, where="ca.config")
    with pytest.raises(ConfigError, match="address"):
        parse_struct(Outer, {})


@pytest.mark.parametrize("value", [5, ["s.hunter2"], {"k": "s.hunter2"}, b"s.hunter2", 1.5])
def test_a_secret_of_the_wrong_type_is_refused_without_being_shown(value: Any):
    """What was meant as a secret stays one in the error."""
    with pytest.raises(ConfigError) as caught:
        parsed(token=value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "%s".__mod__, lambda s: f"{s!r}"])
def test_a_secret_shows_itself_to_nobody(shown: Any):
    """``repr``, ``str``, formats, and the repr of what holds it."""
    assert TEXT not in shown(Secret(TEXT))
    assert TEXT not in shown(parsed(token=TEXT))


@pytest.mark.parametrize("taken", [pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode])
def test_a_secret_leaves_no_copies(taken: Any):
    """It is neither pickled nor copied nor encoded."""
    with pytest.raises((TypeError, NotImplementedError)) as caught:
        taken(Secret(TEXT))
    assert TEXT not in str(caught.value)


@given(st.text(), st.text())
def test_secrets_are_equal_by_content(one: str, other: str):
    """Also when the text holds what UTF-8 cannot."""
    assert (Secret(one) == Secret(other)) == (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


def test_an_undecodable_secret_is_still_one():
    """The environment may hold any byte."""
    assert Secret("\udcff") == Secret("\udcff")
    assert Secret("\udcff") != Secret("\udcfe")


def test_a_secret_given_as_a_secret_is_kept():
    """Values already parsed pass through."""
    secret = Secret(TEXT)
    assert parsed(token=secret).token == secret


def test_the_schema_marks_secrets_and_inlines_sections():
    """``writeOnly`` for secrets, descriptions kept, no references left."""
    schema = json_schema(Outer)
    assert "$ref" not in str(schema)
    properties = schema["properties"]
    assert properties["address"]["description"] == "where it is"
    assert {"type": "string", "writeOnly": True} in properties["token"]["anyOf"]
    assert "pause" in str(properties["inner"])


def test_a_default_duration_is_written_as_an_operator_writes_it():
    """The schema's defaults are in our notation, at every depth."""
    properties = json_schema(Outer)["properties"]
    assert properties["ttl"]["default"] == "72h"
    assert "'default': '1s'" in str(properties["inner"])


def test_the_nearest_name_is_offered_or_all_are_listed():
    """A typo gets one suggestion, nonsense the list, nothing known nothing."""
    assert nearest_hint("adress", ["address", "token"]) == "; did you mean 'address'?"
    assert nearest_hint("nmae", ["Name", "Port"]) == "; did you mean 'Name'?"
    assert nearest_hint("zzz", ["b", "a"]) == "; known: a, b"
    assert nearest_hint("zzz", []) == ""


def test_configuration_in_clear_is_json_at_every_depth():
    """Secrets are revealed, durations in our notation, and what JSON has no word for is text."""
    value = {
        "token": Secret(TEXT),
        "ttl": timedelta(hours=72),
        "inner": {"paths": (Path("/etc/ca.pem"),), "since": date(2030, 1, 1)},
        "plain": [None, True, 1, 0.5, "text"],
    }
    assert json_in_clear(value) == {
        "token": TEXT,
        "ttl": "72h",
        "inner": {"paths": ["/etc/ca.pem"], "since": "2030-01-01"},
        "plain": [None, True, 1, 0.5, "text"],
    }
