"""The Vault provider keeps the contract on a real server: every check of the kit, L0 to L3."""

import pytest

from ca_core.contract import KeySpec, KeyType
from ca_core.testing.conformance import Level, Outcome, ProviderConformance, run_conformance
from tests.vaults.subjects import Mounts, adopting, subject

RSA_FIRST = (KeySpec(KeyType.RSA, 2048), KeySpec())

MATRIX = {
    "rsa": lambda vault: subject(Mounts(vault), keys=RSA_FIRST),
    "mounts of the operator's": lambda vault: subject(
        Mounts(vault, made=True), manage_mounts=False
    ),
    "a namespace": lambda vault: subject(Mounts(vault, namespace="team")),
    "a root of the operator's": lambda vault: adopting(Mounts(vault, made=True)),
}


@pytest.fixture(scope="module")
def provider_under_test(vault_server):
    """Return the provider in mounts of its own, one for all of a worker's checks."""
    return subject(Mounts(vault_server))


class TestConformance(ProviderConformance):
    """Mounts that the provider makes, keys of every family: one test for each check."""

    level = Level.L3


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", MATRIX)
def test_it_keeps_the_contract_however_it_is_set_up(vault, how):
    """Whose mounts and roots they are, and which keys, makes no difference."""
    report = run_conformance(MATRIX[how](vault), level=Level.L3)
    failed = {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
    assert not failed
    assert report.reached is Level.L3
