"""A provider begun by ``plugin new`` is whole, green, typed, tidy, and caught when it is broken."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from ca_core.scaffold.naming import MAX_NAME
from ca_core.scaffold.rendering import DECLARED, Template

RUFF = Path(sys.executable).with_name("ruff")
PROMISED_SECONDS = 60
BREAK = re.compile(
    r"```diff\n-(?P<old>[^\n]*)\n\+(?P<new>[^\n]*)\n```.*?```text\n(?P<check>\S+)\n", re.DOTALL
)

pytestmark = pytest.mark.timeout(180)  # several runs of the whole kit


@pytest.fixture(scope="module", params=list(Template))
def template(request):
    """Return each template."""
    return request.param


@pytest.fixture(scope="module")
def folder(desk, template):
    """Return the folder of a new provider, whose tests have not run."""
    name = f"acme-{template}"
    folder = desk.home / f"ca-provider-{name}"
    shutil.rmtree(folder, ignore_errors=True)  # templates may take turns
    told = desk.ca_core("plugin", "new", name, "--template", template, "--no-run")
    assert told.code == 0, told.err
    return folder


def verdict(desk, folder, *more):
    """Return what `plugin test` finds there, as data."""
    told = desk.ca_core("plugin", "test", folder, "--output", "json", *more)
    assert told.err == ""
    return json.loads(told.out)


def test_a_new_provider_is_green_within_a_minute_and_offline(desk, template, record_property):
    """One command: files, every check up to L2, and the next step."""
    told = desk.ca_core("plugin", "new", f"first-{template}", "--template", template)
    record_property("measured", f"made and green in {told.seconds:.1f} s")
    assert told.code == 0, told.out + told.err
    assert "conforms to L2" in told.out
    assert re.search(r"^green: \d{2,} passed, 0 failed, ", told.out, re.MULTILINE)
    last = told.out.splitlines()[-1]
    assert last.endswith(f"ca-core plugin test ca-provider-first-{template} --watch")
    assert told.seconds < PROMISED_SECONDS


@pytest.mark.soak
def test_a_new_provider_survives_faults_and_hostility(desk, folder):
    """Nothing of the next level fails either; with the HTTP template nothing is left out."""
    found = verdict(desk, folder, "--level", "L3")
    assert found["Failures"] == []
    assert found["Passed"] > 100


def faults_of_layout(desk, folder):
    """Return what ruff says by its own defaults, about faults and about layout."""
    commands = (["check"], ["format", "--check"])
    runs = [desk.run(RUFF, *one, "--isolated", "--no-cache", ".", cwd=folder) for one in commands]
    return [told.out + told.err for told in runs if told.code]


def test_a_new_provider_is_tidy(desk, folder):
    """Ruff finds nothing to say and nothing to lay out anew, by its own defaults."""
    assert faults_of_layout(desk, folder) == []


@pytest.mark.parametrize("name", ["z", "z" * MAX_NAME])
def test_a_new_provider_is_tidy_whatever_it_is_called(desk, template, name, tmp_path):
    """No line is too long, and no list out of order, with the shortest and the longest name."""
    told = desk.ca_core(
        *("plugin", "new", name, "--template", template, "--no-run", "--directory", tmp_path)
    )
    assert told.code == 0, told.err
    assert faults_of_layout(desk, tmp_path / f"ca-provider-{name}") == []


def test_a_new_provider_is_typed(desk, folder):
    """Mypy is strict there, tests included, and finds nothing."""
    told = desk.python("-m", "mypy", "--cache-dir", desk.home / "cache", cwd=folder)
    assert told.code == 0, told.out
    assert "strict = true" in (folder / "pyproject.toml").read_text()


def test_the_readme_says_what_the_provider_declares(desk, template, folder):
    """What the table was made from is what the code declares."""
    code = (
        f"import sys; sys.path.insert(0, 'src'); import ca_provider_acme_{template} as p;"
        "print(*sorted(p.ca_provider().capabilities))"
    )
    assert desk.python("-c", code, cwd=folder).out.split() == sorted(DECLARED[template])


def test_the_break_that_the_readme_suggests_is_caught_by_the_check_it_names(
    desk, template, folder, tmp_path
):
    """One line changed: exactly one check fails, and it is the one."""
    broken = tmp_path / folder.name
    shutil.copytree(folder, broken)
    suggested = BREAK.search((folder / "README.md").read_text())
    provider = broken / f"src/ca_provider_acme_{template}/provider.py"
    text = provider.read_text()
    assert text.count(f"{suggested['old']}\n") == 1
    provider.write_text(text.replace(suggested["old"], suggested["new"]))
    told = desk.ca_core("plugin", "test", broken, "--output", "json")
    assert told.code == 1
    assert [failure["Test"] for failure in json.loads(told.out)["Failures"]] == [suggested["check"]]
