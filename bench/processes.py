"""Run our own commands as a person would, and time them."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CA_CORE = Path(sys.executable).with_name("ca-core")
"""The command of the environment that runs the benchmark."""

PATIENCE = 90
"""Seconds after which a start has failed; machines that run tests are busy."""


def wall_seconds(command: Sequence[str | Path]) -> float:
    """Return how long a command takes from start to exit.

    Raises:
        CalledProcessError: it failed.
    """
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


@contextmanager
def running(command: Sequence[str | Path]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command, and end it with SIGTERM when the block is left."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def answer_of(port: int, path: str, process: "subprocess.Popen[bytes]") -> bytes:
    """Return the first 200 answer; asks again until the process serves it.

    Raises:
        RuntimeError: the process ended, or ``PATIENCE`` has passed.
    """
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and process.poll() is None:
        body = _asked(port, path)
        if body is not None:
            return body
        time.sleep(0.002)
    raise RuntimeError(f"no answer for {path}; exit code {process.poll()}")


def _asked(port: int, path: str) -> bytes | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except OSError:
        return None
    finally:
        connection.close()
    return body if response.status == http.client.OK else None
