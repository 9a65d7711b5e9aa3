"""The first thing an operator sees: what runs, and what to copy next."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from socket import gethostname
from typing import Protocol

from ca_core.cli.address import DEFAULT_ADDRESS


class StartedServer(Protocol):
    """What a process that has just become ready says about itself."""

    @property
    def url(self) -> str:
        """Where its API answers, for example ``http://127.0.0.1:8500``."""
        ...

    @property
    def trust_domain(self) -> str:
        """The trust domain of every identity it issues or holds."""
        ...

    @property
    def root_fingerprint(self) -> str:
        """SHA-256 of the root that signs now, 64 hex digits; empty before there is one."""
        ...

    @property
    def why_not_ready(self) -> str:
        """Why it cannot do its work yet, in one sentence; empty if it can."""
        ...


def program() -> str:
    """Return what to type to run this program here: its name if that is on PATH, else its path."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{_near(Path(sys.executable))} -m ca_core"
    found = shutil.which("ca-core")
    if found and Path(found).resolve() == started.resolve():
        return "ca-core"
    return _near(started)


def _near(path: Path) -> str:
    """Return ``path`` relative to the working folder if it lies in it."""
    whole = path.absolute()
    near = os.path.relpath(whole)
    return shlex.quote(str(whole) if near.startswith("..") else near)


def dev_screen(started: StartedServer, *, data_dir: Path | None) -> str:
    """Return the screen of ``ca-core dev``: three facts, three commands to copy, how to stop."""
    command, where = program(), _where(started.url)
    state = str(data_dir or "in memory, gone when this stops (--data-dir keeps it)")
    commands = (
        f"curl -s '{started.url}/v1/connect/ca/roots?pem'",
        f"{command} leaf get web --out web{where}",
        "openssl verify -x509_strict -CAfile web/bundle.pem -untrusted web/leaf.pem web/leaf.pem",
    )
    return _screen(
        _title("ca-core dev", started),
        [*_facts(started), ("state", state)],
        "Try, in another terminal:",
        commands,
    )


def server_screen(
    started: StartedServer, *, data_dir: Path, advertise: tuple[str, ...] = ()
) -> str:
    """Return the screen of ``ca-core server``: facts, and how the first agent joins."""
    command = program()
    name = next(iter(advertise), gethostname())
    url = started.url.replace("//0.0.0.0:", f"//{name}:").replace("//[::]:", f"//{name}:")
    socket = shlex.quote(f"unix:{data_dir.absolute()}/server.sock")
    commands = (
        f"{command} token join --node NODE --http-addr {socket}",
        f"{command} agent --server {url} --join-token-file FILE",
    )
    facts = [*_facts(started), ("operators", f"unix:{data_dir.absolute()}/server.sock")]
    return _screen(
        _title("ca-core server", started),
        facts,
        "A new agent joins with a token, made here:",
        commands,
    )


def agent_screen(started: StartedServer, *, data_dir: Path) -> str:
    """Return the screen of ``ca-core agent``: facts, and how a workload gets its leaf."""
    socket = shlex.quote(f"unix:{data_dir.absolute()}/agent.sock")
    commands = (f"{program()} leaf get SERVICE --out DIR --http-addr {socket}",)
    return _screen(
        _title("ca-core agent", started),
        [*_facts(started), ("workloads", f"unix:{data_dir.absolute()}/agent.sock")],
        "A user listed under [agent.workloads] gets a leaf with:",
        commands,
    )


def _title(name: str, started: StartedServer) -> str:
    if not started.why_not_ready:
        return f"{name} is ready"
    return f"{name} runs, but is not ready: {started.why_not_ready}"


def _where(url: str) -> str:
    return "" if url == DEFAULT_ADDRESS else f" --http-addr {url}"


def _facts(started: StartedServer) -> list[tuple[str, str]]:
    return [
        ("trust domain", started.trust_domain),
        ("root SHA-256", started.root_fingerprint or "no root yet: `ca-core doctor` says why"),
        ("URL", started.url),
    ]


def _screen(
    title: str, facts: Iterable[tuple[str, str]], lead: str, commands: Iterable[str]
) -> str:
    lines = [title, ""]
    lines += [f"  {name:<14}{value}" for name, value in facts]
    lines += ["", lead, ""]
    lines += [f"  {command}" for command in commands]
    return "\n".join([*lines, "", "Ctrl-C stops it.", ""])
