"""What happens to the CA: to OpenBao and back, by the command that an operator would type."""

import asyncio
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.mesh import Mesh
from demo.processes import environment, stopped

Say = Callable[[str], None]


SWAP_LIMIT = 90.0
"""Seconds for one swap and every leaf after it; it takes three."""


class SwapFailedError(Exception):
    """A swap did not become active, or not in time; the text is what the command said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the story plays.

    Attributes:
        url: of ``ca-core dev``.
        vault, token_file: of OpenBao.
        folder: for everything that is written.
        mesh: the programs that go on meanwhile.
        say: tells the people who look.
    """

    url: str
    vault: str
    token_file: Path
    folder: Path
    mesh: Mesh
    say: Say


async def told(stage: Stage, seconds: float) -> None:
    """Move the CA to OpenBao after a sixth of the time and back after half of it.

    Raises:
        SwapFailedError: a swap did not become active.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    stage.say("the built-in provider signs")
    await asyncio.sleep(seconds / 6)
    to_vault = ("--set", f"config.address={stage.vault}")
    await swapped(stage, "vault", *to_vault, "--set", f"config.token_file={stage.token_file}")
    await asyncio.sleep(max(0.0, began + seconds / 2 - loop.time()))
    await swapped(stage, "builtin", "--set", "key_type=ec", "--set", "key_bits=384")
    await asyncio.sleep(max(0.0, began + seconds - loop.time()))


async def swapped(stage: Stage, provider: str, *options: str) -> None:
    """Change the provider, and wait until every program shows a leaf of the new signer.

    Raises:
        SwapFailedError: it did not become active.
    """
    before = set(stage.mesh.issuers())
    arguments = ("ca", "apply", "--provider", provider, *options, "--yes")
    stage.say(f"$ ca-core {shlex.join(arguments)}")
    try:
        async with asyncio.timeout(SWAP_LIMIT):
            await _run(stage, *arguments)
            while before & set(stage.mesh.issuers()):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise SwapFailedError(f"not every program had a new leaf in {SWAP_LIMIT:g} s") from None
    stage.say(f"  every program shows a leaf that {provider} signed")


async def _run(stage: Stage, *arguments: str) -> None:
    """Run a command of ours, and say what it says about the operation.

    Raises:
        SwapFailedError: it ended with another code than 0.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ca_core", *arguments, "--http-addr", stage.url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=stage.folder,
        env=environment(stage.folder),
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    heard = []
    try:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            heard.append(line)
            if line.startswith("swap "):
                stage.say(f"  {line}")
        code = await process.wait()
    finally:
        await stopped(process)
    if code:
        raise SwapFailedError("\n".join(heard))
