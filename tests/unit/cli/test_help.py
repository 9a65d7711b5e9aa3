"""Tests of the list of commands and of every help text."""

import subprocess
import sys

import pytest
import typer

from ca_core.cli.answers import ANSWERS
from ca_core.cli.main import LISTINGS, app

PROMISED = {
    "dev", "server", "agent", "agent list", "agent forget", "token join", "ca roots",
    "ca get-config", "leaf get", "leaf watch", "leaf inspect", "leaf revoke",
    "provider list", "provider show", "provider check",
    "cache top",
    "backup", "restore", "secrets rekey", "doctor", "ca status", "ca csr", "ca install-chain",
    "plugin new", "plugin test", "provider conformance", "provider verify-passport",
    "ca plan", "ca apply", "ca set-config", "ca rotate", "ca renew", "ca taint", "ca operations",
    "ca abort", "ca rollback", "ca abandon", "ca simulate",
    "service register", "service list", "service deregister",
    "check list", "check pass", "check warn", "check fail",
    "intention create", "intention list", "intention get", "intention delete", "intention match",
    "intention check",
    "token bootstrap", "token create", "token list", "token read", "token update", "token delete",
    "token self", "token login",
    "token method create", "token method list", "token method read", "token method delete",
    "token rule create", "token rule list", "token rule read", "token rule delete",
    "policy create", "policy list", "policy read", "policy update", "policy delete",
    "policy check",
    "intention explain", "intention diff", "intention test",
    "catalog services", "catalog service", "catalog nodes",
    "intention suggest", "intention authorize", "import consul",
}  # fmt: skip
"""The commands of this stage, as the design names them."""

RUNS = {"dev", "server", "agent"}
"""Commands that run until they are stopped, and so answer nothing."""


def every_command() -> dict[str, object]:
    """Return the commands that can be run, by what one types."""
    root = typer.main.get_command(app)
    found = {}
    for name in LISTINGS:
        found |= runnable(name, root.commands[name])
    return found


def runnable(name, command) -> dict[str, object]:
    """Return a command, if it can be run, and those below it, by what one types."""
    inner = getattr(command, "commands", {})
    found = {} if inner and not command.invoke_without_command else {name: command}
    for part, below in inner.items():
        found |= runnable(f"{name} {part}", below)
    return found


def test_the_commands_are_those_of_the_design():
    """No promised command is missing, and none is there that nobody promised."""
    assert set(every_command()) == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_help_text_has_an_example_of_that_command(run, name):
    """Somebody who asks for help sees a line to copy."""
    result = run(*name.split(), "--help")
    assert result.exit_code == 0
    _, _, examples = result.stdout.partition("Example")
    assert f"ca-core {name}" in examples


@pytest.mark.parametrize("name", sorted(PROMISED - RUNS))
def test_every_command_that_answers_has_json(name):
    """What people read, programs can read as well."""
    assert name in ANSWERS
    options = {option for parameter in every_command()[name].params for option in parameter.opts}
    assert "--output" in options


@pytest.mark.parametrize("name", sorted(LISTINGS))
def test_the_list_says_what_the_command_says(run, name):
    """The summary in the list is the first sentence of the command's own help."""
    words = " ".join(run(name, "--help").stdout.split())
    assert LISTINGS[name].summary in words


def test_the_list_stands_in_sections_with_the_next_step(run):
    """The first screen of help is ordered by purpose and ends with where to start."""
    text = run("--help").stdout
    places = [text.index(word) for word in ("Run it:", "Identities and trust:", "Start here:")]
    assert places == sorted(places)


def test_no_arguments_show_help_as_a_usage_error(run):
    """Typing the bare name teaches, and scripts see that nothing was done."""
    result = run()
    assert result.exit_code == 2
    assert "Start here:" in result.output


def test_a_misspelt_command_is_answered_with_the_nearest(run):
    """A typo costs one more try, not a search."""
    result = run("doctr")
    assert result.exit_code == 2
    assert "doctor" in result.stderr


def test_help_imports_nothing_heavy():
    """The libraries that cost start-up time stay away until a command runs."""
    heavy = {
        "cryptography",
        "httpx",
        "uvicorn",
        "starlette",
        "rich.console",
        "msgspec",
        "ca_core.config",
    }
    code = (
        "import sys\n"
        "from ca_core.cli.main import main\n"
        "sys.argv = ['ca-core', '--help']\n"
        "try: main()\n"
        f"except SystemExit: print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_version_is_shown():
    """`python -m ca_core --version` names the program and its version."""
    command = [sys.executable, "-m", "ca_core", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ca-core ")


def test_completion_can_be_installed(run):
    """The shell can be taught the commands."""
    assert "--install-completion" in run("--help").stdout
