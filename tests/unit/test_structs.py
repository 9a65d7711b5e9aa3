"""Threads that decode the same records at once do not end the process."""

import subprocess
import sys

import pytest

THREADS = """
import sys
import threading

import msgspec

from ca_core.cli.serving import serve

def below(number):
    inner = msgspec.defstruct(f"Inner{number}", [("a", str)], module="__main__")
    globals()[inner.__name__] = inner
    fields = [("x", f"tuple[{inner.__name__}, ...]"), ("w", inner.__name__)]
    return msgspec.defstruct(f"Outer{number}", fields, module="__main__")

def decode(kind, at_once):
    at_once.wait()
    msgspec.json.decode(b'{"x": [{"a": "q"}], "w": {"a": "q"}}', type=kind)

async def run():
    for kind in kinds:
        at_once = threading.Barrier(4)
        threads = [threading.Thread(target=decode, args=(kind, at_once)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

sys.setswitchinterval(1e-6)
kinds = [below(number) for number in range(300)]
serve(run())
"""


def test_threads_of_a_server_decode_a_record_for_the_first_time_together():
    """None of them has decoded it before: the process lives."""
    command = [sys.executable, "-c", THREADS]
    assert subprocess.run(command, check=False, timeout=30).returncode == 0


PLUGIN = """
import msgspec

from ca_core.contract import hookimpl
from ca_core.testing.reference import reference_plugin


def below(number):
    inner = msgspec.defstruct(f"Inner{number}", [("a", str)], module=__name__)
    globals()[inner.__name__] = inner
    fields = [("x", f"tuple[{inner.__name__}, ...]"), ("w", inner.__name__)]
    return msgspec.defstruct(f"Outer{number}", fields, module=__name__)


class Unknowable(msgspec.Struct):
    never: "int | NothingLikeIt"


@hookimpl
def ca_provider():
    return reference_plugin()

@hookimpl
def ca_event(event):
    pass


KINDS = [below(number) for number in range(300)]
"""

LOADING = """
import sys
import threading
from importlib.metadata import EntryPoint

import msgspec

from ca_core.authority.registry import Registry
from ca_core.contract.plugin import PLUGIN_GROUP, PROVIDER_GROUP

group, ask = {"provider": (PROVIDER_GROUP, Registry.get),
              "hooks": (PLUGIN_GROUP, Registry.hook_plugin)}[sys.argv[1]]
registry = Registry(entry_points=[EntryPoint("p", "their_plugin.records", group)])
sys.setswitchinterval(1e-6)
at_once = threading.Barrier(4)


def load():
    ask(registry, "p")
    for kind in sys.modules["their_plugin.records"].KINDS:
        at_once.wait()
        msgspec.json.decode(b'{"x": [{"a": "q"}], "w": {"a": "q"}}', type=kind)


threads = [threading.Thread(target=load) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("kind", ["provider", "hooks"])
def test_threads_that_load_a_plugin_decode_its_records_together(tmp_path, kind):
    """Its author need not know of it; one record that nobody can decode is no obstacle."""
    (tmp_path / "their_plugin").mkdir()
    (tmp_path / "their_plugin" / "__init__.py").touch()
    (tmp_path / "their_plugin" / "records.py").write_text(PLUGIN)
    command = [sys.executable, "-c", LOADING, kind]
    surroundings = {"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}
    done = subprocess.run(command, check=False, timeout=60, env=surroundings, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("name", ["ca_core.lifecycle.rows", "ca_core.authority.rows"])
def test_the_stored_records_are_loaded_before_a_server_begins(name):
    """What is loaded later is not made known."""
    asked = f"import sys, ca_core.cli.running; print({name!r} in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, timeout=30
    )
    assert told.stdout == b"True\n"
