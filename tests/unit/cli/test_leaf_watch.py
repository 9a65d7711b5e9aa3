"""Tests of `leaf watch`: what is said and run after a change."""

import asyncio
import json
import sys

import msgspec
import pytest

from ca_core.agent.leaffiles import write_leaf_files
from ca_core.cli.answers import ANSWERS
from ca_core.cli.leaf_watching import Watched, told, words_of
from ca_core.cli.options import Output
from ca_core.errors import ConfigError
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoots


@pytest.fixture
def watched(tmp_path, leaf_answer, roots_answer) -> Watched:
    """Return a watch whose files are there."""
    out = tmp_path / "tls"
    write_leaf_files(
        out, msgspec.convert(leaf_answer, IssuedCert), msgspec.convert(roots_answer, CARoots)
    )
    return Watched(service="web", out=out, dns_names=("a", "b"))


def test_a_change_is_one_line_for_people(watched, capsys):
    """The folder, the service and the end of its life."""
    asyncio.run(told(watched, (), Output.TABLE)())
    assert capsys.readouterr().out.startswith(f"{watched.out}: new files for web, valid until 20")


def test_a_change_is_one_object_for_programs(watched, capsys):
    """A line of JSON per change can be followed."""
    asyncio.run(told(watched, (), Output.JSON)())
    (line,) = capsys.readouterr().out.splitlines()
    assert set(json.loads(line)) == set(ANSWERS["leaf watch"].keys)


def test_the_command_runs_after_a_change(watched, tmp_path):
    """The program that reads the files is told, without a shell."""
    code = f"open({str(tmp_path / 'ran')!r}, 'w').write('$HOME')"
    asyncio.run(told(watched, (sys.executable, "-c", code), Output.TABLE)())
    assert (tmp_path / "ran").read_text() == "$HOME"


def test_the_command_is_split_as_a_shell_would():
    """Quotes hold words together, and one that does not close is refused."""
    assert words_of("nginx -s 'reload now'") == ("nginx", "-s", "reload now")
    with pytest.raises(ConfigError) as caught:
        words_of("echo 'open")
    assert caught.value.where == "--exec"


def test_names_are_asked_for_only_if_there_are_any(watched):
    """The query has Consul's form."""
    assert watched.query() == {"dns-san": "a,b"}


def test_a_refusal_ends_the_command_with_the_agents_words(run, api):
    """A user who may not have the leaf learns so at once."""
    api.answer("GET", "/v1/agent/connect/ca/leaf/web", b"Permission denied", status=403)
    api.answer("GET", "/v1/agent/connect/ca/roots", b"Permission denied", status=403)
    result = run("leaf", "watch", "web", "--out", "tls", "--http-addr", api.url)
    assert result.exit_code == 4
    assert "Permission denied" in result.stderr
