"""``docs/vault.md`` leaves nothing out: options, policies, auth methods, Consul's keys."""

import re

import pytest
from ca_provider_vault import ca_provider
from ca_provider_vault.logins import _METHODS

from ca_core.cli.schema import option_rows
from ca_core.config.model import CAConfig
from docs import vault, vaultlogins
from docs.pages import ROOT

PAGE = (ROOT / "docs/vault.md").read_text()

CONSULS = {
    "Address", "Token", "AuthMethod", "RootPKIPath", "IntermediatePKIPath", "Namespace",
    "RootPKINamespace", "IntermediatePKINamespace", "CAFile", "CAPath", "CertFile", "KeyFile",
    "TLSServerName", "TLSSkipVerify",
}  # fmt: skip
"""Every key of Consul's Vault provider. Source: Consul 1.21, ``VaultCAProviderConfig``."""


def test_every_key_of_the_provider_is_an_option_with_consuls_spelling():
    """The table is the schema, in its order."""
    keys = [key for key, *_ in option_rows(ca_provider().schema)]
    rows = vault.options().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == keys
    assert all(row.rsplit("|", 2)[1].strip() for row in rows)


def test_everything_that_consuls_provider_takes_is_taken():
    """Under a name of ours, or by the configuration that every provider shares."""
    assert set(ca_provider().consul_names.values()) >= CONSULS
    shared = {ours.removeprefix("ca.") for ours in vault.SHARED.values()}
    assert shared <= set(CAConfig.__struct_fields__)


@pytest.mark.parametrize("name", vault.policy_names())
def test_every_line_of_a_policy_has_a_purpose(name):
    """And every rule of the file is understood by the page's table."""
    text = (vault.POLICIES / f"policy-{name}.hcl").read_text()
    rules = vault.rules_of(name)
    assert len(rules) == len(re.findall(r"^path ", text, re.MULTILINE)) > 10
    assert set(rules) <= set(vault.PURPOSES)
    assert f"policy-{name}.hcl" in PAGE


def test_no_purpose_is_left_of_a_line_that_is_gone():
    """The table of purposes is no longer than the policies."""
    used = {path for name in vault.policy_names() for path in vault.rules_of(name)}
    assert set(vault.PURPOSES) == used


def test_no_policy_asks_for_sudo():
    """As the page says, cross-signing included."""
    assert not any("sudo" in may for name in vault.policy_names() for may in vault.rules_of(name))


def test_every_auth_method_is_in_the_table_and_tested_somehow():
    """A method without a test would be shown as such, and fails here."""
    assert set(vaultlogins.EXAMPLES) == set(_METHODS)
    assert [kind for kind in _METHODS if vaultlogins.tested(kind) == "nothing"] == []


def test_methods_that_no_server_has_accepted_are_marked():
    """What is only shaped as documented is not called tested."""
    fake = {kind for kind in _METHODS if "fake" in vaultlogins.tested(kind)}
    assert fake == {"alicloud", "aws", "azure", "gcp", "ldap"}


def test_every_number_of_a_tokens_life_is_the_codes():
    """The table is written from the constants that the code uses."""
    shown = vault.token_numbers()
    assert "when 2/3 of its life" in shown
    assert "1s, then twice as long each time, 30s at most" in shown
    assert shown in PAGE
