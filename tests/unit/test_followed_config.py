"""Tests of reading a configuration again: the same file, and nothing in its place."""

from pathlib import Path

import pytest

from ca_core.config import FollowedConfig
from ca_core.errors import ConfigError

FILE = Path("ca-core.toml")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch) -> None:
    """Stand in an empty folder, with another one beside it that is searched too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ca_core.config.load.SEARCH_PATH", (FILE, Path("etc.toml")))


@pytest.mark.parametrize("named", [None, FILE])
def test_a_file_that_is_gone_is_neither_defaults_nor_another_file(named):
    """Flags and environment alone do not take its place; once it is back it is read again."""
    FILE.write_text("datacenter = 'a'")
    Path("etc.toml").write_text("datacenter = 'b'")
    followed = FollowedConfig(named, {"agent.node": "n1"})
    assert followed.load().datacenter == "a"
    FILE.unlink()
    with pytest.raises(ConfigError) as caught:
        followed.load()
    assert str(caught.value) == "ca-core.toml: it was read at the start and is gone"
    assert "put it back" in caught.value.hint
    FILE.write_text("datacenter = 'c'")
    assert (followed.load().datacenter, followed.load().agent.node) == ("c", "n1")


def test_a_file_that_comes_later_is_read_and_must_stay_too():
    """Whoever starts without one may write one."""
    followed = FollowedConfig(None)
    assert followed.load().datacenter == "dc1"
    FILE.write_text("datacenter = 'a'")
    assert followed.load().datacenter == "a"
    FILE.unlink()
    with pytest.raises(ConfigError, match=r"ca-core\.toml: it was read before and is gone"):
        followed.load()


def test_what_a_part_of_the_program_refuses_is_refused_at_every_reading():
    """With the file's name before the key, as any other fault."""

    def refuse(config):
        if config.datacenter == "bad":
            raise ConfigError("not here", where="datacenter", hint="another")

    FILE.write_text("datacenter = 'a'")
    followed = FollowedConfig(None, also=refuse)
    followed.load()
    FILE.write_text("datacenter = 'bad'")
    with pytest.raises(ConfigError, match=r"ca-core\.toml: datacenter: not here") as caught:
        followed.load()
    assert caught.value.hint == "another"


def test_a_file_that_never_was_is_missing_not_gone():
    """A name that is mistyped at the start is told as one."""
    with pytest.raises(ConfigError, match="no such file"):
        FollowedConfig(FILE).load()
