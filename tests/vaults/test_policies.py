"""The shipped policies are enough, and nothing in them is too much."""

import dataclasses
import itertools
import re

import pytest

from ca_core.contract import PermissionDeniedError
from ca_core.testing.conformance import CHECKS, Level, Outcome, run_conformance
from tests.vaults.audit import AuditTail
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject

CROSS_SECTION = (
    "leaf.all-names", "cross.key-pairs", "intermediate.", "secondary.", "revoke.", "crl.",
    "retire.leaves-nothing", "adopt.", "probe.",
)  # fmt: skip
OF_AN_ADOPTED_ROOT = ("leaf.all-names", "intermediate.", "crl.", "retire.", "adopt.", "probe.")
"""What a root of the operator's changes."""

POLICIES = {"managed": {}, "given": {"manage_mounts": False}, "adopted": {"manage_mounts": False}}
IN_EVERY_RUN = ("given", "adopted")
"""The whole contract is kept with the policy of managed mounts in every run, elsewhere."""

ALLOWED = {name: len(lines_of(name)) for name in POLICIES}
EACH = [(name, number) for name, count in ALLOWED.items() for number in range(count)]


def held_to(name, vault, left_out=None):
    """Return the provider with a token of the shipped policy, maybe without one of its lines."""
    mounts = Mounts(vault, made=name != "managed")
    lines = [line for number, line in enumerate(lines_of(name)) if number != left_out]
    if name == "adopted":
        return adopting_with(mounts, lines)
    return subject(mounts, token=token_with(mounts, lines), **POLICIES[name])


def adopting_with(mounts, lines):
    """Return the provider with roots of an operator's in turn, and a token for these.

    A new one for each check would make the server slower with every check.
    """
    issuers = [mounts.issuer_id(mounts.adoptable("ec")) for _ in range(4)]
    each = {line.replace("ISSUER", issuer) for line in lines for issuer in issuers}
    token, turns = token_with(mounts, each), itertools.cycle(issuers)

    def config(address):
        settings = {"token": token, "root_issuer": next(turns)}
        return mounts.config(address, **settings, **POLICIES["adopted"])

    return dataclasses.replace(subject(mounts), make_config=config, other_config=None)


@pytest.fixture
def signs_with_policies_alone(vault):
    """Check, by the server's audit log, that it signed, and only for tokens of such a policy."""
    tail = AuditTail(vault) if vault.is_audited else None
    yield
    signed = [seen for seen in tail.arrivals() if "/sign" in seen.path] if tail else []
    assert signed or tail is None
    used = {name for seen in signed for name in seen.policies}
    assert not [name for name in used if not name.startswith("policy-")]


def missing_of(mesh):
    """Return what probe says is missing, however it says it."""
    try:
        return mesh.probe().missing_permissions
    except PermissionDeniedError as error:
        return error.needed


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("signs_with_policies_alone")
@pytest.mark.parametrize("name", IN_EVERY_RUN)
def test_a_shipped_policy_is_enough(vault, name):
    """Everything that the contract asks for can be done with a token of it alone."""
    chosen = OF_AN_ADOPTED_ROOT if name == "adopted" else CROSS_SECTION
    checks = [check for check in CHECKS if check.id.startswith(chosen)]
    report = run_conformance(held_to(name, vault), level=Level.L2, checks=checks)
    assert not {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
    passed = {result.check.id for result in report.of(Outcome.PASSED)}
    assert len(passed) > 20
    assert name != "adopted" or {"adopt.one-authority", "adopt.survives"} <= passed


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("signs_with_policies_alone")
def test_the_whole_contract_is_kept_below_an_adopted_root_with_its_policy(vault):
    """Faults and hostility need no permission more; of mounts of our own it is tried elsewhere."""
    report = run_conformance(held_to("adopted", vault), level=Level.L3)
    assert report.reached is Level.L3
    assert not {result.check.id: result.detail for result in report.of(Outcome.FAILED)}


@pytest.mark.parametrize(("name", "left_out"), EACH)
def test_probe_names_each_line_that_a_policy_lacks(vault, name, left_out):
    """What is missing is said with its path, before anything is made."""
    tried = held_to(name, vault, left_out)
    with arena_of(tried) as arena:
        unmade = arena.unmade()
        before = tried.count_objects()
        missing = missing_of(unmade)
        assert tried.count_objects() == before
    path = lines_of(name)[left_out].split('"')[1]
    tail = re.sub("connect-[a-z]+", "", path.partition("/")[2].rstrip("*+"))
    parts = tail.split("ISSUER")
    assert [said for said in missing if all(part in said for part in parts)], missing
