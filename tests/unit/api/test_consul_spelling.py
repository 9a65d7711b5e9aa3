"""Keys in Consul's spelling, to ours."""

import pytest

from ca_core.api.consul_spelling import field_named, provider_named, section_from
from ca_core.authority.registry import Registry
from ca_core.errors import RequestError

VAULT = Registry().get("vault")


def test_every_key_is_translated_nested_ones_too():
    """A method's own parameters stay as they are: they are the method's."""
    params = {"RoleName": "mesh"}
    found = section_from(
        "vault",
        {
            "LeafCertTTL": "9h",
            "rootpkipath": "roots",
            "IntermediatePKIPath": "signers",
            "AuthMethod": {"Type": "approle", "MountPath": "here", "Params": params},
            "RotationPeriod": "90d",
            "CSRMaxConcurrent": 0,
        },
        VAULT,
    )
    assert found == {
        "provider": "vault",
        "leaf_ttl": "9h",
        "config": {
            "root_pki_path": "roots",
            "intermediate_pki_path": "signers",
            "auth_method": {"type": "approle", "mount_path": "here", "params": params},
        },
    }


def test_aliases_of_consul_within_an_auth_method_are_taken():
    """Consul takes ``mount_path`` there, and so do we."""
    method = {"type": "jwt", "mount_path": "here"}
    found = section_from("vault", {"auth_method": method}, VAULT)
    assert found["config"] == {"auth_method": method}
    with pytest.raises(RequestError, match="twice"):
        section_from("vault", {"AuthMethod": {"Type": "jwt", "type": "jwt"}}, VAULT)


@pytest.mark.parametrize(
    ("where", "field"),
    [
        ("ca.leaf_ttl", "Config.LeafCertTTL"),
        ("ca.config.root_pki_path", "Config.RootPKIPath"),
        ("ca.config.auth_method.type", "Config.AuthMethod.type"),
        ("ca.config.unheard_of", "Config.unheard_of"),
        ("ca.provider", "Provider"),
        ("ca.config", "Config"),
    ],
)
def test_a_fault_is_named_in_the_spelling_it_was_made_in(where, field):
    """An error of ours speaks of the request."""
    assert field_named(where, VAULT) == field


def test_consuls_own_provider_is_our_built_in_one():
    """Both names are taken."""
    assert provider_named("consul") == provider_named("builtin") == "builtin"
    assert provider_named("vault") == "vault"
