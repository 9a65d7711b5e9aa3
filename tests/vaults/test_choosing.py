"""Which server the tests use: the order, what TEST_VAULT forces, and what is said without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vaults.choosing import Machine, Source, UnavailableError, chosen
from tests.vaults.foreign import ForeignVault
from tests.vaults.subjects import Mounts, arena_of, subject

ROOT = Path(__file__).parents[2]
SOURCES = (Source.ADDRESS, Source.PROCESS, Source.DOCKER)


class Offers:
    """A machine with some sources, which counts what it was asked."""

    def __init__(self, *there):
        self.there = there
        self.asked = []

    def machine(self):
        """Return it as the choice sees it."""
        address, process, docker = ((lambda source=s: self._offers(source)) for s in SOURCES)
        return Machine(address=address, program=process, docker=docker)

    def _offers(self, source):
        self.asked.append(source)
        return source in self.there


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (SOURCES, Source.ADDRESS),
        ((Source.PROCESS, Source.DOCKER), Source.PROCESS),
        ((Source.DOCKER,), Source.DOCKER),
        ((), Source.NONE),
    ],
)
def test_the_first_source_that_is_there_is_used(there, found):
    """A named server comes before a local program, that before a container."""
    assert chosen("", Offers(*there).machine()) is found


def test_no_engine_is_asked_where_a_program_is():
    """Asking Docker takes seconds where its engine is down."""
    offers = Offers(Source.PROCESS)
    chosen("", offers.machine())
    assert offers.asked == [Source.ADDRESS, Source.PROCESS]


@pytest.mark.parametrize("forced", SOURCES)
def test_a_forced_source_is_used_whatever_else_is_there(forced):
    """TEST_VAULT wins over the order, and only that source is asked for."""
    offers = Offers(*SOURCES)
    assert chosen(forced.value, offers.machine()) is forced
    assert offers.asked == [forced]


@pytest.mark.parametrize("forced", SOURCES)
def test_a_forced_source_that_is_not_there_is_an_error(forced):
    """Whoever forces one wants it, not a skip; what is missing is named."""
    others = [source for source in SOURCES if source is not forced]
    with pytest.raises(UnavailableError, match=f"TEST_VAULT={forced} is forced, and .+"):
        chosen(forced.value, Offers(*others).machine())


def test_none_can_be_forced_where_there_are_all():
    """For a run without any server."""
    assert chosen("none", Offers(*SOURCES).machine()) is Source.NONE


def test_an_unknown_source_is_an_error():
    """What cannot be used does not choose something else."""
    with pytest.raises(UnavailableError, match="address, process, docker, none"):
        chosen("podman", Offers(*SOURCES).machine())


def suite(*tests, **variables):
    """Run tests of this folder in a process of their own, and return code and output."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-q", *tests]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return ended.returncode, ended.stdout


SAMPLE = "tests/vaults/test_process.py"


def test_without_a_server_the_skip_is_loud():
    """Every test is listed as skipped, in capitals."""
    code, said = suite(SAMPLE, TEST_VAULT="none")
    assert code == 0
    assert "3 skipped" in said
    assert said.count("TEST_VAULT=none: TESTS OF THE VAULT PROVIDER ARE NOT RUN") == 3


def test_a_forced_server_that_is_away_fails_the_tests():
    """They do not pass by being skipped."""
    code, said = suite(SAMPLE, TEST_VAULT="address", VAULT_ADDR="", VAULT_TOKEN="")
    assert code == 1
    assert "TEST_VAULT=address is forced, and VAULT_ADDR is not set" in said


def test_a_server_that_does_not_take_the_token_fails_the_tests(vault):
    """A named server is never passed over in silence."""
    code, said = suite(SAMPLE, TEST_VAULT="", VAULT_ADDR=vault.address, VAULT_TOKEN="wrong")
    assert code == 1
    assert "does not take VAULT_TOKEN" in said
    assert "wrong" not in said


def test_the_server_of_vault_addr_is_used_and_left_as_it_was(vault):
    """Tests of signing run on it; those that would seal, kill or audit it say that they did not."""
    before = state_of(vault)
    tests = (SAMPLE, "tests/vaults/test_adopting.py")
    code, said = suite(*tests, VAULT_ADDR=vault.address, VAULT_TOKEN=vault.token, TEST_VAULT="")
    assert code == 0, said
    assert "3 skipped" in said
    for verb in ("kill", "seal", "audit"):
        assert f"the server of VAULT_ADDR is not ours to {verb}" in said
    assert state_of(vault) == before


def state_of(vault):
    """Return the names of mounts, auth methods and policies."""
    mounts, methods = (set(vault.call("GET", f"sys/{kind}")["data"]) for kind in ("mounts", "auth"))
    return mounts, methods, set(vault.call("LIST", "sys/policies/acl")["data"]["keys"])


def test_what_the_provider_made_on_a_foreign_server_is_tidied(vault):
    """Mounts of its own making carry the run's label; the mounts of others stay."""
    vault.call("POST", "sys/mounts/of-somebody-else", {"type": "pki"})
    before = state_of(vault)
    foreign = ForeignVault(vault.address, vault.token)
    with arena_of(subject(Mounts(foreign))) as arena:
        arena.mesh().leaf()
    assert state_of(vault) != before
    foreign.tidy()
    assert state_of(vault) == before
