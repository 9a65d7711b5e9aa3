"""Tests of `plugin new`: what it refuses, what it makes, and what it says next."""

import json
import sys

import pytest


def test_a_new_provider_ends_with_the_next_step(run, tmp_path):
    """The last lines are the method to edit and the command that watches."""
    result = run("plugin", "new", "acme", "--no-run")
    assert result.exit_code == 0, result.stderr
    edit, then = result.stdout.splitlines()[-2:]
    place, method = edit.removeprefix("edit").split()
    file, _, line = place.rpartition(":")
    assert method == "sign_leaf"
    assert "def sign_leaf(" in (tmp_path / file).read_text().splitlines()[int(line) - 1]
    assert then.removeprefix("then").strip() == "ca-core plugin test ca-provider-acme --watch"


def test_programs_learn_everything(run, tmp_path):
    """The same facts as JSON; without a run, its verdict is null."""
    where = str(tmp_path / "src")
    result = run("plugin", "new", "acme", "--no-run", "--directory", where, "-o", "json")
    told = json.loads(result.stdout)
    assert told["Folder"] == f"{where}/ca-provider-acme"
    assert told["Package"] == "ca-provider-acme"
    assert told["Template"] == "local"
    assert told["Run"] is None
    assert all((tmp_path / "src/ca-provider-acme" / file).is_file() for file in told["Files"])


def test_a_path_with_spaces_is_quoted(run, tmp_path):
    """The command can be copied as it stands."""
    result = run("plugin", "new", "acme", "--no-run", "--directory", str(tmp_path / "my src"))
    assert f"'{tmp_path}/my src/ca-provider-acme' --watch" in result.stdout


def test_the_http_template_brings_a_client_and_a_fake(run, tmp_path):
    """A CA behind an API needs both."""
    run("plugin", "new", "acme", "--no-run", "--template", "http")
    folder = tmp_path / "ca-provider-acme"
    assert (folder / "src/ca_provider_acme/client.py").is_file()
    assert (folder / "tests/fake_ca.py").is_file()


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("builtin", "builtin (ca-core "),
        ("consul", "the provider builtin"),
        ("chaos", "chaos (ca-core "),
    ],
)
def test_a_taken_name_is_refused_and_its_owner_named(run, tmp_path, name, owner):
    """Installed providers, their aliases and our own names are nobody else's."""
    result = run("plugin", "new", name, "--no-run")
    assert result.exit_code == 2
    assert f"error: NAME: '{name}' is taken by {owner}" in result.stderr
    assert f"next:  choose another: ca-core plugin new my-{name}" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Acme", "a--b", "class", "ca/../x"])
def test_a_name_that_will_not_do_is_refused_with_one_that_will(run, tmp_path, name):
    """Nothing is written, and the hint can be typed."""
    result = run("plugin", "new", name, "--no-run")
    assert result.exit_code == 2
    assert "next:  for example: ca-core plugin new " in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_and_left_alone(run, tmp_path):
    """What somebody wrote stays as it is."""
    folder = tmp_path / "ca-provider-acme"
    folder.mkdir()
    result = run("plugin", "new", "acme", "--no-run")
    assert result.exit_code == 2
    assert "exists" in result.stderr
    assert "--directory" in result.stderr
    assert list(folder.iterdir()) == []


def test_a_directory_that_is_a_file_is_named(run, tmp_path):
    """The operating system's reason, and the place."""
    (tmp_path / "file").write_text("")
    result = run("plugin", "new", "acme", "--no-run", "--directory", "file")
    assert result.exit_code == 2
    assert "error: file" in result.stderr


def test_without_pytest_nothing_is_written(run, tmp_path, monkeypatch):
    """The tests could not be shown green; the hint says what to install."""
    monkeypatch.setitem(sys.modules, "pytest", None)
    result = run("plugin", "new", "acme")
    assert result.exit_code == 2
    assert "next:  pip install 'ca-core[testing]'" in result.stderr
    assert list(tmp_path.iterdir()) == []
