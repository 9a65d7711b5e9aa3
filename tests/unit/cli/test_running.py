"""Tests of starting and stopping: the first screen, signals, tokens from files."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ca_core.cli import running as starting
from ca_core.cli.first_screen import agent_screen, dev_screen, program, server_screen
from ca_core.cli.running import join_token
from ca_core.cli.serving import serve
from ca_core.config import load_config
from ca_core.errors import ConfigError


@dataclass(frozen=True)
class Ready:
    """A process that has started."""

    url: str = "http://127.0.0.1:8500"
    trust_domain: str = "x.consul"
    root_fingerprint: str = "ab" * 32
    why_not_ready: str = ""


class TestFirstScreen:
    def test_dev_shows_facts_and_three_commands(self):
        """Trust domain, fingerprint and URL stand above three lines to copy."""
        text = dev_screen(Ready(), data_dir=None)
        for word in ("x.consul", "ab" * 32, "http://127.0.0.1:8500", "in memory"):
            assert word in text
        commands = text.partition("terminal:")[2]
        for word in ("curl -s 'http", "leaf get web --out web\n", "openssl verify -x509_strict"):
            assert word in commands

    def test_another_port_stands_in_the_command(self):
        """The command works when copied, wherever the API is."""
        text = dev_screen(Ready(url="http://127.0.0.1:8600"), data_dir=Path("data"))
        assert "leaf get web --out web --http-addr http://127.0.0.1:8600\n" in text
        assert "data" in text

    def test_a_server_shows_how_an_agent_joins(self):
        """The next step is a token, asked for over the socket."""
        text = server_screen(
            Ready(url="https://0.0.0.0:8501"), data_dir=Path("/d"), advertise=("ca",)
        )
        assert "token join --node NODE --http-addr unix:/d/server.sock" in text
        assert "agent --server https://ca:8501" in text

    def test_an_agent_shows_how_a_workload_asks(self):
        """The next step is a leaf, asked for over the socket."""
        assert "--http-addr unix:/d/agent.sock" in agent_screen(Ready(), data_dir=Path("/d"))

    def test_a_server_without_a_root_says_where_to_look(self):
        """No fingerprint is not an empty line."""
        assert "doctor" in dev_screen(Ready(root_fingerprint=""), data_dir=None)

    def test_a_server_that_cannot_sign_does_not_say_that_it_is_ready(self):
        """The first line says what is missing, whatever runs."""
        gap = "key-encryption key 0123 is missing; nothing can be signed"
        for text in (
            dev_screen(Ready(why_not_ready=gap), data_dir=None),
            server_screen(Ready(why_not_ready=gap), data_dir=Path("/d")),
        ):
            first = text.splitlines()[0]
            assert "is ready" not in first
            assert gap in first

    def test_the_command_is_what_runs_here(self, monkeypatch, tmp_path):
        """A program that is not on PATH is named by its path from here."""
        monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "ca-core")])
        monkeypatch.setenv("PATH", "")
        assert program() == ".venv/bin/ca-core"
        monkeypatch.setattr(sys, "argv", ["/x/ca_core/__main__.py"])
        assert program().endswith(" -m ca_core")


class TestServe:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_cleanly(self, number, capsys):
        """What runs can clean up, and the process goes on to exit with 0."""
        ended = []

        async def running() -> None:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            try:
                await asyncio.wait_for(asyncio.Event().wait(), 30)
            finally:
                ended.append(True)

        serve(running())
        assert ended == [True]
        assert "stopped" in capsys.readouterr().err

    def test_an_error_of_ours_comes_out(self):
        """A server that cannot start says why."""

        async def running() -> None:
            raise ConfigError("no")

        with pytest.raises(ConfigError, match="no"):
            serve(running())

    def test_a_crash_of_native_code_tells_where_it_was(self):
        """Names of functions, and no values: the only trace that such an end leaves."""
        crash = (
            "import os, signal\nfrom ca_core.cli.serving import serve\n"
            "async def crashing(secret='hunter2'): os.kill(os.getpid(), signal.SIGSEGV)\n"
            "serve(crashing())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", crash], check=False, capture_output=True, timeout=30, text=True
        )
        assert done.returncode == -signal.SIGSEGV
        assert "Segmentation fault" in done.stderr
        assert "in crashing" in done.stderr
        assert "hunter2" not in done.stderr


class TestKeepLoaded:
    @pytest.mark.parametrize("role", ["server", "dev"])
    def test_the_collector_passes_over_what_a_server_has_loaded(self, role, monkeypatch, tmp_path):
        """Once it answers, everything that is in memory is out of the collector's sight."""

        async def answering(_config, *, announce, **_more) -> None:
            announce(Ready())

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(starting, f"run_{role}", answering)
        monkeypatch.setattr(starting, "set_up_logging", lambda *_: None)
        loaded, seen = [["a row"]], len(gc.get_objects())
        try:
            if role == "dev":
                starting.dev(listen="127.0.0.1:0", data_dir=None, file=None)
            else:
                starting.server(file=None, flags={"server.listen": [f"unix:{tmp_path}/s"]})
            assert gc.get_freeze_count() > seen / 2
            assert not any(one is loaded for one in gc.get_objects())
        finally:
            gc.unfreeze()
        assert any(one is loaded for one in gc.get_objects())


class TestReading:
    @pytest.mark.parametrize("role", ["server", "agent", "dev"])
    def test_a_file_that_goes_away_while_it_runs_is_named(self, role, monkeypatch, tmp_path):
        """What is read on SIGHUP is what was read at the start, or a fault."""
        given = []

        async def noting(_config, *, load, **_more) -> None:
            given.append(load)

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(starting, f"run_{role}", noting)
        monkeypatch.setattr(starting, "set_up_logging", lambda *_: None)
        file = Path("ca-core.toml")
        section = f"listen = ['unix:{tmp_path}/s']\n"
        file.write_text(f"[server]\n{section}[agent]\nserver = 'https://a:1'\n{section}")
        if role == "dev":
            starting.dev(listen="127.0.0.1:0", data_dir=None, file=None)
        else:
            getattr(starting, role)(file=None, flags={})
        assert given[0]().agent.servers == ("https://a:1",)
        file.unlink()
        with pytest.raises(ConfigError, match=r"ca-core\.toml: it was read at the start and is"):
            given[0]()

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("[[services]]\nNmae = 'y'", "services[0].Nmae: unknown key; did you mean 'Name'?"),
            ("[[services]]\nName = 'a b'", "services[0].Name: "),
            ("[agent]\nserver = ['http://a:1']", "agent.server: 'http://a:1' is not the address"),
        ],
    )
    def test_a_wrong_file_is_refused_before_a_join_token_is_read(self, run, tmp_path, text, fault):
        """Nothing that is used once is used for a start that cannot succeed."""
        (tmp_path / "ca-core.toml").write_text(text)
        server = ("--server", "https://a:1") if "services" in text else ()
        result = run("agent", "--data-dir", "a", "--join-token-file", "none", *server)
        assert result.exit_code == 2
        assert f"error: ca-core.toml: {fault}" in result.stderr

    def test_dev_names_the_file_of_a_wrong_service(self, run, tmp_path):
        """It is server and agent in one."""
        (tmp_path / "ca-core.toml").write_text("[[services]]\nNmae = 'y'")
        result = run("dev", "--listen", "127.0.0.1:0")
        assert result.exit_code == 2
        assert "error: ca-core.toml: services[0].Nmae: unknown key" in result.stderr


class TestJoinToken:
    def config(self, path: object):
        """Return a configuration with that token file."""
        return load_config(None, environ={}, flags={"agent.join_token_file": str(path)})

    def test_the_file_holds_the_token(self, tmp_path):
        """Blanks and line breaks around it do not count."""
        (tmp_path / "token").write_text("  a.b.c\n")
        assert join_token(self.config(tmp_path / "token")) == "a.b.c"

    def test_no_file_is_no_token(self):
        """An agent that has joined needs none."""
        assert join_token(load_config(None, environ={})) is None

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
    def test_an_unusable_file_is_named_and_not_shown(self, tmp_path, content):
        """The error names the key and the path."""
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            join_token(self.config(tmp_path / "token"))
        assert caught.value.where.startswith("agent.join_token_file")

    def test_a_missing_file_is_named(self, tmp_path):
        """The operating system's reason is in the message."""
        with pytest.raises(ConfigError, match="no such file"):
            join_token(self.config(tmp_path / "absent"))


class TestDevCommand:
    def test_dev_refuses_an_address_that_others_reach(self, run):
        """Plain HTTP for everybody never leaves this machine."""
        result = run("dev", "--listen", "0.0.0.0:8500")
        assert result.exit_code == 2
        assert "other machines" in result.stderr

    def test_dev_refuses_a_taken_port_with_the_next_step(self, run):
        """The person learns who has the port and what to type."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            result = run("dev", "--listen", f"127.0.0.1:{listener.getsockname()[1]}")
        assert result.exit_code == 2
        assert f"process {os.getpid()}" in result.stderr
        assert "next:  --listen 127.0.0.1:" in result.stderr

    def test_dev_refuses_a_broken_configuration_by_file_and_key(self, run, tmp_path):
        """A typo in the file stops the start."""
        (tmp_path / "ca-core.toml").write_text("[ca]\nleaf_tll = '1h'\n")
        result = run("dev")
        assert result.exit_code == 2
        assert "ca-core.toml: ca.leaf_tll: unknown key; did you mean 'leaf_ttl'?" in result.stderr

    def test_logs_go_through_the_filter(self, tmp_path):
        """The real program writes its lines through the filter, in the form asked for."""
        command = [sys.executable, "-m", "ca_core", "dev", "--listen", "127.0.0.1:0"]
        environ = {**os.environ, "CA_CORE_LOG__FORMAT": "json"}
        with subprocess.Popen(
            command, stdout=-1, stderr=-1, text=True, cwd=tmp_path, env=environ
        ) as process:
            assert process.stderr is not None
            line = json.loads(process.stderr.readline())
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
        assert {"time", "level", "logger", "message"} == set(line)
        assert process.returncode == 0

    def test_dev_runs_until_it_is_interrupted(self, tmp_path):
        """The real program shows its screen, and Ctrl-C ends it with 0 and no traceback."""
        command = [sys.executable, "-m", "ca_core", "dev", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, cwd=tmp_path) as process:
            assert process.stdout is not None
            screen = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        assert "trust domain" in screen
        assert (process.returncode, errors) == (0, "ca-core: stopped\n")
