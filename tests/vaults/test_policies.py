"""The shipped policies are enough, and nothing in them is too much."""

import re

import pytest

from ca_core.contract import PermissionDeniedError
from ca_core.testing.conformance import CHECKS, Level, Outcome, run_conformance
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject

CROSS_SECTION = (
    "leaf.all-names", "cross.key-pairs", "intermediate.", "secondary.", "revoke.", "crl.",
    "retire.leaves-nothing", "adopt.", "probe.",
)  # fmt: skip
POLICIES = {"managed": {}, "given": {"manage_mounts": False}}
ALLOWED = {name: len(lines_of(name)) for name in POLICIES}
EACH = [(name, number) for name, count in ALLOWED.items() for number in range(count)]


def held_to(name, vault, left_out=None):
    """Return the provider with a token of the shipped policy, maybe without one of its lines."""
    mounts = Mounts(vault, made=name == "given")
    lines = [line for number, line in enumerate(lines_of(name)) if number != left_out]
    return subject(mounts, token=token_with(mounts, lines), **POLICIES[name])


def missing_of(mesh):
    """Return what probe says is missing, however it says it."""
    try:
        return mesh.probe().missing_permissions
    except PermissionDeniedError as error:
        return error.needed


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", POLICIES)
def test_a_shipped_policy_is_enough(vault, name):
    """Everything that the contract asks for can be done with a token of it alone."""
    checks = [check for check in CHECKS if check.id.startswith(CROSS_SECTION)]
    report = run_conformance(held_to(name, vault), level=Level.L2, checks=checks)
    assert not {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
    assert len(report.of(Outcome.PASSED)) > 20


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", POLICIES)
def test_the_whole_contract_is_kept_with_a_shipped_policy(vault, name):
    """Faults and hostility need no permission more."""
    report = run_conformance(held_to(name, vault), level=Level.L3)
    assert not {result.check.id: result.detail for result in report.of(Outcome.FAILED)}


@pytest.mark.parametrize(("name", "left_out"), EACH)
def test_probe_names_each_line_that_a_policy_lacks(vault, name, left_out):
    """What is missing is said with its path, before anything is made."""
    tried = held_to(name, vault, left_out)
    with arena_of(tried) as arena:
        missing = missing_of(arena.unmade())
    path = lines_of(name)[left_out].split('"')[1]
    tail = re.sub("connect-[a-z]+", "", path.partition("/")[2].rstrip("*+"))
    assert [said for said in missing if tail in said], missing
    assert not any(tried.count_objects().values())
