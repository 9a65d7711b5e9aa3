"""Where the console blocks of our documents run: a folder, an environment, and who is listening.

Documents show the usual ports; here free ones are used, and both commands and outputs are
translated.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection, socket

BIN = Path(sys.executable).parent
COMMAND_SECONDS = 30
START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Session:
    """A shell to type into.

    Attributes:
        folder: where commands run.
        environment: what they see.
        ports: as documented → as used here.
    """

    folder: Path
    environment: Mapping[str, str]
    ports: Mapping[int, int] = field(default_factory=dict)

    def shown_by(self, command: str) -> str:
        """Run a command and return everything it shows, in documented terms."""
        for documented, used in self.ports.items():
            command = command.replace(f":{documented}", f":{used}")
        finished = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return self._documented(finished.stdout)

    def _documented(self, shown: str) -> str:
        for documented, used in self.ports.items():
            shown = shown.replace(f":{used}", f":{documented}")
        return shown.replace(str(self.folder), "/srv/mesh")


@contextmanager
def session(name: str, folder: Path) -> Iterator[Session]:
    """Open the session that a page asks for by name.

    Raises:
        KeyError: no session has this name.
    """
    opened = SESSIONS[name]
    with ExitStack() as stack:
        yield stack.enter_context(opened(folder))


@contextmanager
def _shell(folder: Path) -> Iterator[Session]:
    """Nothing runs; commands that need no server."""
    yield Session(folder, _environment())


@contextmanager
def _dev(folder: Path) -> Iterator[Session]:
    """``ca-core dev`` listens on the documented 127.0.0.1:8500."""
    port = _free_port()
    environment = _environment() | {"CA_CORE_HTTP_ADDR": f"http://127.0.0.1:{port}"}
    command: list[str | Path] = [BIN / "ca-core", "dev", "--listen", f"127.0.0.1:{port}"]
    with _running(command, folder, environment):
        _wait_for_port(port)
        yield Session(folder, environment, {8500: port})


SESSIONS = {"shell": _shell, "dev": _dev}


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return kept | {"PATH": path, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}


@contextmanager
def _running(
    command: list[str | Path], folder: Path, environment: Mapping[str, str]
) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=COMMAND_SECONDS)


def _wait_for_port(port: int) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
