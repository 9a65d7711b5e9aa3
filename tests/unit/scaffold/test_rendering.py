"""Tests of the files that templates become."""

import re
import tomllib
from pathlib import Path

import pytest

from ca_core.contract import Capability
from ca_core.errors import ConfigError, ConflictError
from ca_core.scaffold.capabilities import capability_table
from ca_core.scaffold.folder import method_to_edit, write_folder
from ca_core.scaffold.naming import PluginName
from ca_core.scaffold.rendering import MAX_LABEL, Template, rendered

LEFT_OVER = re.compile(r"@[A-Za-z]+@|PACKAGE|\.tmpl|dot-git")
PROMISED = {
    "pyproject.toml", "README.md", "CHANGELOG.md", ".gitignore", ".github/workflows/test.yml",
    "src/ca_provider_acme/__init__.py", "src/ca_provider_acme/config.py",
    "src/ca_provider_acme/provider.py", "src/ca_provider_acme/py.typed",
    "tests/conftest.py", "tests/test_conformance.py", "tests/test_distribution.py",
    "tests/test_config.py",
}  # fmt: skip


@pytest.fixture(params=list(Template))
def files(request):
    """Return the files of each template."""
    return rendered(request.param, PluginName("acme"), core="9.8.7")


def test_a_distribution_is_complete(files):
    """Nothing that was promised is missing."""
    assert set(files) >= PROMISED


def test_nothing_of_the_template_is_left_over(files):
    """Every word that stands for another is replaced, in paths and in texts."""
    for path, text in files.items():
        assert not LEFT_OVER.search(path)
        assert not LEFT_OVER.search(text), path


def test_the_package_is_named_and_found(files):
    """The project's metadata fits the name and the version of the core it was made with."""
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "ca-provider-acme"
    assert project["entry-points"] == {"ca_core.providers": {"acme": "ca_provider_acme"}}
    assert "ca-core>=9.8.7" in project["dependencies"]
    assert project["optional-dependencies"]["test"] == ["ca-core[testing]>=9.8.7"]


def test_the_workflow_may_only_read_and_pins_what_it_uses(files):
    """Continuous integration of a CA's plugin is given no more than it needs."""
    workflow = files[".github/workflows/test.yml"]
    assert "permissions:\n  contents: read\n" in workflow
    assert "persist-credentials: false" in workflow
    assert all(re.search(r"@v\d+$", line) for line in workflow.splitlines() if "uses:" in line)


@pytest.mark.parametrize("template", list(Template))
def test_a_label_fits_beside_an_id(template):
    """The longest name still begins a common name that stays whole."""
    files = rendered(template, PluginName("abcdefghijklmnopqrs-tuvwxyz"), core="1")
    config = files["src/ca_provider_abcdefghijklmnopqrs_tuvwxyz/config.py"]
    for label in re.findall(r'= "(abc[a-z-]*)"', config):
        assert len(label) <= MAX_LABEL
        assert not label.endswith("-")


def test_every_capability_stands_in_the_table():
    """Operators see what is there and what is not, each with its worth."""
    rows = capability_table({Capability.REVOKE}).splitlines()[2:]
    assert len(rows) == len(Capability)
    assert [row for row in rows if "| yes |" in row] == [
        "| `REVOKE` | yes | leaves can be revoked, and there is a CRL |"
    ]


def test_the_method_to_edit_is_the_one_that_signs(files):
    """The line shown is where `sign_leaf` begins."""
    place = method_to_edit(Path("there"), files)
    text = files[str(place.file.relative_to("there"))]
    assert "def sign_leaf(" in text.splitlines()[place.line - 1]
    assert str(place).startswith("there/src/ca_provider_acme/provider.py:")


def test_a_folder_appears_whole(tmp_path):
    """Every file is there, in folders that others may read."""
    write_folder(tmp_path / "new" / "folder", {"a/b.txt": "b", "c.txt": "c"})
    assert (tmp_path / "new" / "folder" / "a" / "b.txt").read_text() == "b"
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["folder"]


@pytest.mark.parametrize("kind", ["folder", "file", "dangling"])
def test_what_exists_is_not_touched(tmp_path, kind):
    """A folder, a file, or a link that leads nowhere: somebody made it."""
    there = tmp_path / "there"
    {
        "folder": there.mkdir,
        "file": lambda: there.write_text("mine"),
        "dangling": lambda: there.symlink_to("nowhere"),
    }[kind]()
    with pytest.raises(ConflictError, match="exists") as refused:
        write_folder(there, {"a": ""})
    assert "--directory" in refused.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path):
    """The error names the place; no half of a folder stays."""
    with pytest.raises(ConfigError, match="half"):
        write_folder(tmp_path / "half", {"a": "", "a/b": ""})
    assert list(tmp_path.iterdir()) == []
