"""Tests of which configuration `ca plan` and `ca apply` ask for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.cli.address import parse_address
from ca_core.cli.client import Client
from ca_core.cli.wanted import Asked, changed, literal, section_of, wanted
from ca_core.config import CAConfig, load_config
from ca_core.errors import ConfigError
from ca_core.fields import parse_struct

STANDING = {
    "provider": "vault",
    "leaf_ttl": "72h",
    "key_type": "ec",
    "key_bits": 256,
    "config": {"address": "http://a", "token": "<hidden:ab>", "auth": {"type": "token"}},
}


def test_a_file_s_section_is_sent_whole(tmp_path):
    """Every key of the section is named, so that a default here cannot differ from one there."""
    file = tmp_path / "new.toml"
    file.write_text('[ca]\nleaf_ttl = "24h"\n[ca.config]\naddress = "http://b"\n')
    section = section_of(file)
    assert parse_struct(CAConfig, section) == load_config(file).ca
    assert section["leaf_ttl"] == "24h"


def test_a_section_is_json(tmp_path):
    """Whatever TOML can say, dates among it, becomes a request."""
    file = tmp_path / "new.toml"
    file.write_text("[ca.config]\nsince = 2026-11-23\nlist = [1, true]\n")
    assert json.loads(json.dumps(section_of(file)))["config"]["since"] == "2026-11-23"


def test_the_usual_file_is_found(tmp_path, api):
    """Without any option it is the file that the server would read."""
    (tmp_path / "ca-core.toml").write_text('[ca]\nleaf_ttl = "24h"\n')
    with Client(parse_address(api.url)) as client:
        body = wanted(Asked(), client)
    assert body["FromFile"] is True
    assert body["Settings"]["leaf_ttl"] == "24h"


def test_without_a_file_the_error_says_what_to_type(api):
    """Nothing is guessed: no file and no option is an error with the next step."""
    with Client(parse_address(api.url)) as client, pytest.raises(ConfigError) as caught:
        wanted(Asked(), client)
    assert "--set" in caught.value.hint


def test_a_file_and_single_keys_exclude_each_other(tmp_path, api):
    """What would be neither the file nor what stands is refused."""
    with Client(parse_address(api.url)) as client, pytest.raises(ConfigError, match="--from-file"):
        wanted(Asked(file=tmp_path / "x", changes=("leaf_ttl=24h",)), client)


def test_one_key_is_changed_on_top_of_what_stands():
    """Everything else goes back as it came, hidden secrets included."""
    settings = changed(STANDING, ("leaf_ttl=24h", "config.address=http://b"), None)
    assert settings == STANDING | {
        "leaf_ttl": "24h",
        "config": STANDING["config"] | {"address": "http://b"},
    }


def test_a_nested_key_leaves_its_neighbours():
    """A dotted key below a table changes that key alone, and what stands is not touched."""
    settings = changed(STANDING, ("config.auth.path=approle",), None)
    assert settings["config"]["auth"] == {"type": "token", "path": "approle"}
    assert STANDING["config"]["auth"] == {"type": "token"}


def test_another_provider_begins_with_no_keys_of_its_own():
    """The keys of the old provider mean nothing to the new one."""
    settings = changed(STANDING, ("config.folder=x",), "builtin")
    assert settings["provider"] == "builtin"
    assert settings["config"] == {"folder": "x"}


def test_the_provider_that_stands_keeps_its_keys():
    """Naming the same provider again changes nothing."""
    assert changed(STANDING, (), "vault") == STANDING


def test_another_key_type_lets_go_of_the_old_size():
    """256 bits are no RSA key: the size gets its default unless it is set too."""
    assert "key_bits" not in changed(STANDING, ("key_type=rsa",), None)
    assert changed(STANDING, ("key_type=rsa", "key_bits=3072"), None)["key_bits"] == 3072


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24h", "24h"), ("384", 384), ("true", True), ('"384"', "384"), ("0.5", 0.5),
        ("http://h:1/a?b=c#d", "http://h:1/a?b=c#d"), ('["a", "b"]', ["a", "b"]), ("", ""),
        ('{ type = "approle" }', {"type": "approle"}), ("1\nb = 2", "1\nb = 2"),
    ],
)  # fmt: skip
def test_a_value_is_toml_where_it_can_be(text, value):
    """Numbers, words and tables are what a file would have; any other text is text."""
    assert literal(text) == value


@given(st.text())
def test_any_text_is_some_value(text):
    """No value makes the command fail by itself."""
    json.dumps(literal(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leaf_ttl", "KEY=VALUE"), ("=24h", "KEY=VALUE"), ("leaf_tll=24h", "did you mean"),
        ("address=x", "config.address"), ("leaf_ttl.x=1", "only config"), ("config=1", "only"),
        ("config.=1", "only config"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_told_with_the_right_one(text, message):
    """A typo costs one more try."""
    with pytest.raises(ConfigError, match=message):
        changed(STANDING, (text,), None)


@pytest.mark.parametrize("text", ["s3cret", "leaf_tll=s3cret", "leaf_ttl.x=s3cret", "=s3cret"])
def test_no_message_shows_a_value(text):
    """A secret in the wrong place does not end up in a log of the shell."""
    with pytest.raises(ConfigError) as caught:
        changed(STANDING, (text,), None)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
