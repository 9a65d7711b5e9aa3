"""What was begun on the server and left is found by its name and finished, or taken away."""

import pytest
from ca_provider_vault.naming import root_object, signer_object

from ca_core.contract import Error, PermissionDeniedError, ProviderError, RequestError, is_signed_by
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts


@pytest.fixture
def mounts(vault):
    """Return two mounts that are there, so that things can be left in them."""
    return Mounts(vault, made=True)


def test_a_key_without_its_root_is_given_one(mounts, arena):
    """Whoever finds the key alone makes the certificate for that key, and no second key."""
    mesh = arena.unmade()
    name = root_object(mesh.authority)
    mesh.ensure()
    mounts.call("DELETE", f"{mounts.root}/issuer/{name}")
    again = arena.cluster().server(mesh.authority)
    assert again.ensure().primary.public_key() == mesh.provider.trust_chain().primary.public_key()
    assert len(mounts.listed(mounts.root, "keys")) == 1


def test_a_key_that_waits_gets_the_signer(mounts, arena):
    """A key left by a server that died is the signer's key, for whoever prepares it next."""
    mesh = arena.unmade()
    mesh.ensure()
    fields = {"key_name": signer_object(mesh.authority, "s-left"), "key_type": "ec"}
    path = f"{mounts.intermediate}/intermediate/generate/internal"
    mounts.call("POST", path, fields | {"key_bits": 256, "common_name": "left"})
    signer = mesh.prepare("s-left")
    assert is_signed_by(mesh.leaf(), signer.certificate)
    assert len(mounts.listed(mounts.intermediate, "keys")) == 1


def test_a_signer_that_was_decided_on_but_not_installed_is_installed_by_signing(mounts, arena):
    """The state has the chain; any server may be the first to need it on the backend."""
    lines = [line for line in lines_of("given") if "set-signed" not in line]
    token = token_with(mounts, lines)
    mesh = arena.unmade()
    mesh.ensure()
    unable = mesh.another(config=mounts.config(token=token))
    with pytest.raises(PermissionDeniedError, match="set-signed"):
        unable.prepare("s-half")
    leaf = mesh.leaf(mesh.ask.leaf("s-half"))
    assert is_signed_by(leaf, mesh.prepare("s-half").certificate)


def test_a_certificate_without_a_key_leaves_nothing_behind(mounts, arena):
    """Where the key was deleted meanwhile, the certificate is not left there without one."""
    mesh = arena.unmade()
    mesh.ensure()
    lines = [line for line in lines_of("given") if "set-signed" not in line]
    unable = mesh.another(config=mounts.config(token=token_with(mounts, lines)))
    with pytest.raises(PermissionDeniedError):
        unable.prepare("s-keyless")
    name = signer_object(mesh.authority, "s-keyless")
    mounts.call("DELETE", f"{mounts.intermediate}/key/{name}")
    with pytest.raises(ProviderError, match="no key"):
        mesh.prepare("s-keyless")
    assert not mounts.listed(mounts.intermediate, "issuers")


def test_retirement_goes_on_where_it_stopped(vault, mounts, arena):
    """A retirement that failed leaves the id dead; a repeat removes what is still there."""
    mesh = arena.mesh()
    vault.seal()
    try:
        with pytest.raises(Error):
            mesh.retire()
    finally:
        vault.unseal()
    with pytest.raises(Error, match="retired"):
        mesh.leaf()
    mesh.retire()
    assert not any(mounts.count().values())


@pytest.mark.parametrize("name", ["a,b.example", "me@example", "host:80", "a/b", "a b"])
def test_a_name_that_the_server_would_read_otherwise_is_refused(arena, name):
    """No name is split, and none becomes an e-mail address."""
    mesh = arena.mesh()
    with pytest.raises(RequestError, match="dns_names"):
        mesh.leaf(mesh.ask.leaf(mesh.signer, dns_names=(name,)))
