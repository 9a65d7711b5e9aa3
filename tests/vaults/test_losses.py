"""What the server has lost or disowned is named, with the way out, and nothing is left behind."""

import pytest

from ca_core.contract import PermissionDeniedError, ProviderError, Role
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject


@pytest.fixture
def mounts(vault):
    """Return two mounts that are there."""
    return Mounts(vault, made=True)


@pytest.fixture
def token(mounts):
    """Return a token for them."""
    return token_with(mounts, lines_of("given"))


@pytest.fixture
def arena(mounts, token):
    """Return an arena on the provider with that token."""
    with arena_of(subject(mounts, token=token)) as arena:
        yield arena


def revoke(mounts, token):
    """Revoke a token."""
    mounts.vault.call("POST", "auth/token/revoke", {"token": token})


def test_a_secondary_that_outlives_its_signers_leaves_no_role(mounts, arena):
    """The role belongs to the authority: it goes with it, though no signer is left."""
    mesh, signer = arena.secondary()
    mesh.retire_signer(signer.id)
    mesh.retire()
    assert not any(mounts.count().values())


def test_a_role_that_somebody_deleted_is_given_again(mounts, arena):
    """The caller whose leaf needed it notices nothing."""
    mesh = arena.mesh()
    (role,) = mounts.listed(mounts.intermediate, "roles")
    mounts.call("DELETE", f"{mounts.intermediate}/roles/{role}")
    assert mesh.leaf()
    assert mounts.listed(mounts.intermediate, "roles") == [role]


def test_a_revoked_token_is_told_from_a_missing_permission(mounts, arena, token):
    """The error says that the token is unknown, and what it was needed for."""
    mesh = arena.mesh()
    revoke(mounts, token)
    for _ in range(2):
        with pytest.raises(PermissionDeniedError, match="does not know the token") as caught:
            mesh.leaf()
        assert "/sign/" in caught.value.needed[0]


def test_a_provider_that_begins_with_a_dead_token_is_not_well(mounts, arena, token):
    """Also in the pause after the first refusal, and probe says what it lacks."""
    mesh = arena.mesh().another()
    revoke(mounts, token)
    for _ in range(2):
        assert not mesh.provider.health(deep=True).ok
        assert mesh.probe().missing_permissions == ("auth/token/lookup-self: read",)


def test_a_login_that_is_refused_is_no_missing_permission(mounts, arena):
    """No list of paths would mend it: probe raises."""
    params = {"role_id": "unknown-role", "secret_id": "unknown-secret"}
    mounts.vault.call("POST", f"sys/auth/{mounts.root}", {"type": "approle"})
    login = {"type": "approle", "mount_path": mounts.root, "params": params}
    mesh = arena.cluster().server(config=mounts.config(auth_method=login))
    with pytest.raises(PermissionDeniedError, match="not accepted"):
        mesh.probe()
    assert not mesh.provider.health(deep=True).ok


@pytest.mark.parametrize(
    "method", ["prepare_signer", "sign_intermediate", "cross_sign", "cross_sign_csr"]
)
def test_a_root_that_the_server_has_lost_is_named_with_the_way_out(mounts, arena, method):
    """A mount made anew is no reason to blame the caller, or to wait for it."""
    mesh, other = arena.mesh(), arena.other_side()
    path = f"sys/mounts/{mounts.root}"
    mounts.call("DELETE", path)
    mounts.call("POST", path, {"type": "pki"})
    csr = arena.unmade(role=Role.SECONDARY).csr("s-below")
    theirs = other.provider.trust_chain().primary
    requests = {
        "prepare_signer": mesh.ask.signer("s-new"),
        "sign_intermediate": mesh.ask.intermediate(csr),
        "cross_sign": mesh.ask.cross(theirs, csr=other.cross_csr()),
        "cross_sign_csr": mesh.ask.cross_csr(),
    }
    with pytest.raises(ProviderError, match="has lost the root") as caught:
        getattr(mesh.provider, method)(requests[method])
    assert mounts.root in caught.value.hint
