"""A configuration that cannot work is refused with the key that is wrong, and shows no secret."""

import pytest
from ca_provider_vault import ca_provider
from ca_provider_vault.config import CONSUL_NAMES, VaultConfig, parse_config

from ca_core.config import load_config
from ca_core.contract import ConfigError

GOOD = {"address": "https://vault:8200", "token": "s.secret-token"}


def refused(**changes) -> ConfigError:
    """Return the error of a good configuration with these changes; None removes a key."""
    raw = {key: value for key, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    return caught.value


@pytest.mark.parametrize(
    "address", ["https://vault:8200", "http://10.0.0.1", "https://[::1]:8200/prefix/"]
)
def test_a_url_is_an_address(address):
    """With or without port and prefix."""
    assert parse_config(GOOD | {"address": address}).address == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vault:8200",
        "ftp://vault",
        "https://",
        "https://vault:port",
        "https://vault:99999",
        "https://user:hunter2@vault",
        "https://vault?token=hunter2",
        "https://vault#x",
        "https://vault/a b",
        "https://vault/\r\nX: 1",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(address):
    """A secret in a URL would be in every log; it is not in the error either."""
    found = refused(address=address)
    assert found.where == "ca.config.address"
    assert "hunter2" not in str(found)


def test_there_is_exactly_one_way_to_log_in():
    """None and two are both mistakes that would show much later."""
    login = {"type": "approle", "params": {"role_id": "r"}}
    assert "nothing to log in with" in str(refused(token=None))
    for more in ({"token_file": "/t"}, {"auth_method": login}):
        assert "exclude each other" in str(refused(**more))
        assert parse_config(GOOD | {"token": None} | more)


def test_a_client_certificate_needs_its_key():
    """And the other way round."""
    assert refused(cert_file="/c").where == "ca.config.cert_file"
    assert refused(key_file="/k").where == "ca.config.cert_file"


def test_roots_and_signers_need_a_mount_each():
    """The same path in two namespaces is two mounts."""
    same = {"root_pki_path": "pki/", "intermediate_pki_path": "/pki"}
    assert refused(**same).where == "ca.config.intermediate_pki_path"
    assert parse_config(GOOD | same | {"root_pki_namespace": "a"})
    assert refused(root_pki_path="/").where == "ca.config.root_pki_path"


@pytest.mark.parametrize("path", ["a b", "a?b", "a#b", "a%20b", "a//b", "../a", "a/.", "é", "a\n"])
def test_a_path_is_one_in_every_url(path):
    """With ``a?b`` the mount ``a`` would be made."""
    for key in ("root_pki_path", "intermediate_pki_path", "namespace", "root_issuer"):
        assert refused(**{key: path}).where == f"ca.config.{key}"
    method = {"type": "approle", "mount_path": path}
    with pytest.raises(ConfigError, match="mount_path"):
        parse_config({"address": "https://v", "auth_method": method})


def test_a_path_may_have_parts():
    """And marks that mean nothing in a URL."""
    assert parse_config(GOOD | {"root_pki_path": "/a/b.c_d-e+f:1/", "namespace": "a/b/"})
    assert parse_config(GOOD | {"namespace": "/"})


@pytest.mark.parametrize("count", [0, -1, 65])
def test_the_number_of_connections_is_bounded(count):
    """None at all, or hundreds, are no configuration."""
    assert "concurrency" in str(refused(concurrency=count))


def test_an_unknown_key_is_named():
    """A typo does not become a default."""
    assert "adress" in str(refused(adress="https://vault"))


def test_every_key_has_a_spelling_of_its_own_on_consuls_api():
    """None is forgotten, and no two are the same."""
    assert set(CONSUL_NAMES) == set(VaultConfig.__struct_fields__)
    assert len(set(CONSUL_NAMES.values())) == len(CONSUL_NAMES)


def test_mounts_follow_the_namespace_unless_they_have_their_own():
    """One key for the usual case."""
    config = parse_config(GOOD | {"namespace": "team", "root_pki_namespace": "corp"})
    assert (config.root_namespace, config.intermediate_namespace) == ("corp", "team")


def test_a_configuration_does_not_show_its_secrets():
    """It is in states that are shown."""
    method = {"type": "approle", "params": {"role_id": "rid-123", "secret_id": "sid-123"}}
    shown = repr(parse_config(GOOD))
    shown += repr(parse_config({"address": "https://v", "auth_method": method}))
    assert "secret-token" not in shown
    assert "-123" not in shown


def test_every_key_that_may_hold_a_secret_is_encrypted_and_hidden_by_the_core():
    """A secret id among a method's parameters is one as much as a token is."""
    assert ca_provider().secret_keys() == {"token", "auth_method"}


def test_every_key_may_come_from_the_environment():
    """A secret id among a method's parameters, too, and it need not be text to others."""
    prefix = "CA_CORE_CA__CONFIG__"
    environ = {
        "CA_CORE_CA__PROVIDER": "vault",
        f"{prefix}ADDRESS": "https://vault:8200",
        f"{prefix}AUTH_METHOD__TYPE": "approle",
        f"{prefix}AUTH_METHOD__PARAMS__ROLE_ID": "rid-123",
        f"{prefix}AUTH_METHOD__PARAMS__SECRET_ID": '"1e5"',
        f"{prefix}MANAGE_MOUNTS": "false",
        f"{prefix}CONCURRENCY": "3",
    }
    read = parse_config(load_config(environ=environ).ca.config)
    assert read.auth_method is not None
    assert read.auth_method.params == {"role_id": "rid-123", "secret_id": "1e5"}
    assert (read.manage_mounts, read.concurrency) == (False, 3)
    token = {f"{prefix}ADDRESS": "https://vault:8200", f"{prefix}TOKEN": "s.secret-token"}
    found = parse_config(load_config(environ=token).ca.config).token
    assert found is not None
    assert found.reveal() == "s.secret-token"
