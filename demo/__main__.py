"""``python -m demo``: a mesh under way while the CA moves to OpenBao and back.

Ends with 1 if one handshake failed or a swap did not go, 2 if it cannot start, 130 after Ctrl-C.
"""

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
from pathlib import Path

from demo.mesh import Mesh, mesh
from demo.pairs import Tally
from demo.processes import CannotStartError, bao, dev, openbao
from demo.show import Show, line_of
from demo.story import Stage, SwapFailedError, told

_SECONDS = 60.0


def options() -> argparse.Namespace:
    """Return what was typed."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long, default 60")
    parser.add_argument("--pairs", type=int, default=12, help="clients, each with its server")
    parser.add_argument("--rate", type=float, default=50.0, help="handshakes a second, at most")
    return parser.parse_args()


async def shown(asked: argparse.Namespace, folder: Path, show: Show) -> Mesh:
    """Run all of it; return what came of it.

    Raises:
        CannotStartError, SwapFailedError: with what to tell.
    """
    openbao()  # before anything is started
    show.say("starting ca-core dev and OpenBao …")
    async with dev(folder) as url, bao(folder) as (vault, token_file):
        show.say(f"{asked.pairs} pairs of programs begin to shake hands (mutual TLS 1.3)")
        async with mesh(url, pairs=asked.pairs, rate=asked.rate) as running:
            stage = Stage(
                url=url, vault=vault, token_file=token_file, folder=folder, mesh=running,
                say=show.say,
            )  # fmt: skip
            counting = asyncio.create_task(_counted(running, show))
            try:
                await told(stage, asked.seconds)
            finally:
                counting.cancel()
                show.settle()
    return running


async def _counted(running: Mesh, show: Show) -> None:
    while True:
        show.count(running.tally)
        await asyncio.sleep(show.pause)


async def main(asked: argparse.Namespace) -> int:
    """Run it in a folder that is gone afterwards; return the exit code."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - this runs in one
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="ca-core-demo-") as name, Show() as show:
        try:
            return judged((await shown(asked, Path(name), show)).tally, show)
        except SwapFailedError as error:
            show.say(f"the swap failed:\n{error}")
            return 1
        except CannotStartError as error:
            show.say(str(error))
            return 2


def judged(tally: Tally, show: Show) -> int:
    """Say what came of it; return the exit code: 1 if anything failed or nothing was done."""
    show.say(f"over: {line_of(tally, 0).partition('  ')[2]}")
    for reason, count in tally.failures.most_common(5):
        show.say(f"  {count} times {reason}")
    return 1 if tally.failed or not tally.done else 0


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each TLS connection's end
    try:
        sys.exit(asyncio.run(main(options())))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
