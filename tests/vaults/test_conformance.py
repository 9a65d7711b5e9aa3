"""The Vault provider keeps the contract on a real server: every check of the kit, L0 to L3."""

import pytest

from ca_core.testing.conformance import (
    CHECKS,
    Level,
    Outcome,
    ProviderConformance,
    run_conformance,
)
from ca_core.testing.conformance.suite import FOUND
from tests.vaults.audit import AuditTail
from tests.vaults.settings import NAMES, SETTINGS, SetUp

QUIET = {"authority.not-ready", "signer.not-ready", "secondary.no-authority", "leak.failures"}
"""Checks above L0 that are about what is not there: nothing is asked of our mounts."""

CROSS_SECTION = (
    "leaf.all-names", "signer.named", "cross.path-length", "secondary.csr", "revoke.visible",
    "retire.leaves-nothing", "lost.signer",
)  # fmt: skip
"""What differs most between the settings, of each level."""

PAIRS = (
    ("managed", "rsa", "a namespace"),
    ("given", "ec", "a namespace"),
    ("given", "rsa", "no namespace"),
)
"""With the usual setting, every two choices of two kinds meet in one of them."""


@pytest.fixture(scope="module")
def set_up(vault_server):
    """Return the usual setting in mounts of its own, one for all of a worker's checks."""
    return SetUp(vault_server)


@pytest.fixture
def provider_under_test(set_up):
    """Return the same provider for each of them."""
    return set_up.subject


class TestConformance(ProviderConformance):
    """Mounts that the provider makes, keys of every family: one test for each check.

    What takes long, faults and hostility, is asked in the soak, in this setting as in the others.
    """

    level = Level.L2

    @pytest.fixture(autouse=True)
    def calls_arrive(self, request, vault_server, set_up):
        """What a check has found out of Vault was asked of Vault: its audit log has the calls.

        A leaf was signed there, unless the check is about one that is refused at once.
        """
        tail = AuditTail(vault_server) if vault_server.is_audited else None
        yield
        _, _, result = request.node.stash[FOUND]
        if result.outcome is not Outcome.PASSED or tail is None:
            return
        ours = [seen for seen in tail.on(set_up.mounts) if seen.policies == set_up.policies]
        assert ours or result.check.level is Level.L0 or result.check.id in QUIET
        if result.check.id.startswith("leaf.") and result.check.id != "leaf.host-port":
            assert [seen for seen in ours if "/sign/" in seen.path]


def assert_kept(report):
    """Assert that no check failed, and say which ones did."""
    failed = {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
    assert not failed


@pytest.mark.parametrize("setting", PAIRS, ids=", ".join)
def test_a_cross_section_of_the_contract_is_kept_in_other_settings(vault, setting):
    """Whose mounts they are, in which namespace, and which keys, makes no difference."""
    tried = SetUp(vault, setting)
    checks = [check for check in CHECKS if check.id.startswith(CROSS_SECTION)]
    report = run_conformance(tried.subject, level=Level.L3, checks=checks)
    assert_kept(report)
    assert len(report.of(Outcome.PASSED)) == len(checks)
    tried.assert_served()


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_the_whole_contract_is_kept_in_every_setting(vault, setting):
    """Every check up to L3, with a token of the shipped policy and nothing else."""
    tried = SetUp(vault, setting)
    report = run_conformance(tried.subject, level=Level.L3)
    assert_kept(report)
    assert report.reached is Level.L3
    tried.assert_served()
