"""Kill -9 of a real process: what it said is durable is there, and nothing is half there."""

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ca_core.errors import ConfigError
from ca_core.state import Store
from ca_core.state.sqlite import BOUNDARIES, SqliteEngine

ROOT = Path(__file__).parents[3]
SEED = 20300101
RANDOM_KILLS = 20


@dataclass
class Said:
    """The last things a worker said before it died, or that a restart has shown since."""

    index: int = 1
    epoch: str = ""
    number: int = -1
    records: int = 0

    def hear(self, line):
        """Take in one line."""
        match line.split():
            case ["open", index, epoch]:
                assert self.epoch in {"", epoch}
                self.index, self.epoch = int(index), epoch
            case ["commit", number, index]:
                self.number, self.index = int(number), int(index)
            case ["record", records]:
                self.records = int(records)


def start(path, *arguments):
    """Start a worker on a state file."""
    command = [sys.executable, "-m", "tests.integration.state.worker", path, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def check(path, said):
    """Open the file as a restarted server does, and compare it with what was said."""
    with Store(SqliteEngine(path)) as store:
        view = store.snapshot
        left, right = view.get("t", "left"), view.get("t", "right")
        assert (left is None) == (right is None), "half a transaction"
        if left is not None:
            assert left == right, "half a transaction"
            assert view.topic_index("pair") == left.version == view.index
        number = -1 if left is None else int(left.value)
        records = [int(row.value) for row in store.read("l", limit=1_000_000)]
        assert said.number <= number <= said.number + 1, "a commit was lost or made up"
        assert records == list(range(len(records))), "records out of order"
        assert said.records <= len(records) <= said.records + 1, "a record was lost or made up"
        assert view.index >= said.index
        assert said.epoch in {"", view.epoch}
        said.number, said.records, said.index = number, len(records), view.index


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_kill_at_a_boundary_loses_nothing_and_halves_nothing(tmp_path, boundary):
    """At every moment between two effects, on a first start and on a file that has a history."""
    path, said = tmp_path / "data" / "state.db", Said()
    passes = ["1"] if boundary.startswith("open:") else ["1", "4"]
    for nth in [*passes, *passes]:
        worker = start(path, boundary, nth)
        for line in worker.stdout:
            said.hear(line)
        worker.stdout.close()
        assert worker.wait() == -signal.SIGKILL
        check(path, said)


def test_kills_at_random_moments_lose_nothing_and_halve_nothing(tmp_path):
    """One file survives twenty kills in a row, each after a drawn number of steps and a bit."""
    path, said, draw = tmp_path / "data" / "state.db", Said(), random.Random(SEED)
    for _ in range(RANDOM_KILLS):
        worker = start(path)
        for _ in range(draw.randrange(1, 40)):
            said.hear(worker.stdout.readline())
        spin(draw.randrange(2000))
        worker.kill()
        for line in worker.stdout:
            said.hear(line)
        worker.stdout.close()
        worker.wait()
        check(path, said)
    assert said.number > RANDOM_KILLS


def spin(turns):
    """Let a little time pass, so that the kill falls anywhere in the worker's step."""
    for _ in range(turns):
        os.getpid()


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path):
    """The refusal names the process; after kill -9 the file opens at once."""
    path = tmp_path / "data" / "state.db"
    worker = start(path)
    worker.stdout.readline()
    try:
        with pytest.raises(ConfigError, match=f"in use by process {worker.pid}") as refusal:
            SqliteEngine(path)
        assert refusal.value.where == str(path)
        assert "data folder of its own" in refusal.value.hint
    finally:
        worker.kill()
        worker.stdout.close()
        worker.wait()
    Store(SqliteEngine(path)).close()
