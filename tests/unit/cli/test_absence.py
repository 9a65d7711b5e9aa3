"""Where nobody answers, the next step is about what is configured there."""

import socket
from pathlib import Path

import pytest

from ca_core.cli.absence import absence
from ca_core.cli.address import Address
from ca_core.cli.client import Client
from ca_core.config import Config, load_config
from ca_core.config.load import SEARCH_PATH

HERE = Path("ca-core.toml")
SERVER = '[server]\ndata_dir = "srv"\n'
AGENT = '[agent]\nserver = ["https://ca:1", "https://ca:2"]\ndata_dir = "agt"\n'
START_ANEW = ", or name another with --http-addr ADDRESS"


def config_of(text, file=HERE):
    """Return what a file says."""
    file.write_text(text)
    return load_config(file, environ={})


@pytest.fixture
def nobody(monkeypatch):
    """Let nobody listen where a process of this host usually does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr("ca_core.cli.address.DEFAULT_ADDRESS", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(("kind", "text"), [("server", SERVER), ("agent", AGENT)])
def test_what_is_configured_is_to_be_started(kind, text):
    """With the command of its own, in the folder of its file."""
    for written in (text, SERVER + AGENT):
        said = absence(kind, config_of(written), HERE)
        wanted = f"the {kind} of ca-core.toml is not running: start it with `ca-core {kind}`"
        assert said == wanted + START_ANEW


def test_the_configuration_of_the_machine_is_that_of_its_units():
    """The process then runs as its own user, and is kept running."""
    said = absence("server", config_of(SERVER), SEARCH_PATH[1])
    assert "start it with `systemctl start ca-core-server`" in said


def test_the_environment_is_a_configuration_too():
    """There need be no file."""
    config = load_config(None, environ={"CA_CORE_SERVER__DATA_DIR": "srv"})
    assert absence("server", config, None).startswith("the server of the environment is not")


def test_one_of_the_other_kind_is_named_by_its_address():
    """An agent knows its servers; which agent is wanted nobody knows."""
    said = absence("server", config_of(AGENT), HERE)
    assert said.startswith("ca-core.toml is of an agent alone: name a server with")
    assert said.endswith("--http-addr https://ca:1, and its roots with CA_CORE_CACERT=FILE")
    said = absence("agent", config_of(SERVER), HERE)
    assert said == "ca-core.toml is of a server alone: name an agent with --http-addr ADDRESS"


def test_nothing_is_said_of_what_nobody_configured():
    """Whoever tries it begins with ``ca-core dev``."""
    assert absence("server", Config(), None) == ""


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("command", "kind", "text"),
    [
        (("intention", "list"), "server", SERVER),
        (("catalog", "services"), "agent", AGENT),
        (("doctor",), "server", SERVER),
    ],
)
def test_commands_in_the_folder_of_a_stopped_process_say_so(run, command, kind, text):
    """They do not propose another one beside it."""
    config_of(text)
    result = run(*command)
    assert f"start it with `ca-core {kind}`" in result.output
    assert "ca-core dev" not in result.output


@pytest.mark.usefixtures("nobody")
def test_an_address_that_was_named_is_not_that_of_the_configuration(run):
    """Another process is asked, of which nothing is known."""
    config_of(SERVER)
    result = run("intention", "list", "--http-addr", "127.0.0.1:1")
    assert "start one with `ca-core dev`" in result.output


def test_the_socket_of_a_process_that_was_killed_is_no_other_process(tmp_path):
    """It is there, and refuses; one that this user may not use is told as before."""
    with Client(
        Address("http://localhost", tmp_path / "server.sock"), absence="start it"
    ) as client:
        assert client._hint("connection refused") == "start it"
        assert "may this user use its socket" in client._hint("permission denied")
