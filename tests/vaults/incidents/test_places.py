"""Outages of others about namespaces, mounts and policies, replayed on the real server."""

import pytest

from tests.vaults.incidents.lives import whole_life
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject

POLICIES = {"managed": {}, "given": {"manage_mounts": False}}


def approle_in(vault, namespace):
    """Return the configuration of a login that is known in a namespace only; it may do all."""
    allowed = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'
    vault.call("PUT", f"{namespace}/sys/policies/acl/all", {"policy": allowed})
    vault.call("POST", f"{namespace}/sys/auth/approle", {"type": "approle"})
    role = f"{namespace}/auth/approle/role/ca"
    vault.call("POST", role, {"token_policies": ["all"], "token_ttl": "1h"})
    params = {
        "role_id": vault.call("GET", f"{role}/role-id")["data"]["role_id"],
        "secret_id": vault.call("POST", f"{role}/secret-id", {})["data"]["secret_id"],
    }
    return {"auth_method": {"type": "approle", "params": params}}


def test_s12_every_request_carries_its_namespace(vault, tail):
    """Logins, roots and signers in a namespace each: nothing is asked anywhere else."""
    mounts = Mounts(vault, namespace="s12")
    for name in ("roots", "signers"):
        mounts.call("POST", f"sys/namespaces/{name}", {})
    places = {
        "root_pki_namespace": "s12/roots",
        "intermediate_pki_namespace": "s12/signers",
        **approle_in(vault, "s12"),
    }
    set_up = len(tail.arrivals())
    with arena_of(subject(mounts, **places)) as arena:
        whole_life(arena)
    seen = tail.arrivals()[set_up:]
    wanted = {"auth": "s12", mounts.root: "s12/roots", mounts.intermediate: "s12/signers"}
    found = {}
    for each in seen:
        found.setdefault(each.path.removeprefix("sys/mounts/").split("/")[0], set()).add(
            each.namespace
        )
    found.pop("sys")  # what a token may do is asked in every place
    assert found == {place: {namespace} for place, namespace in wanted.items()}
    assert {each.namespace for each in seen} == set(wanted.values())


@pytest.mark.parametrize("name", POLICIES)
def test_s13_mounts_that_exist_and_are_empty_are_used(vault, name):
    """Neither a start nor the first authority minds, and what the operator tuned stays."""
    mounts = Mounts(vault)
    for path in (mounts.root, mounts.intermediate):
        mounts.call("POST", f"sys/mounts/{path}", {"type": "pki"})
    before = mounts.call("GET", f"sys/mounts/{mounts.root}/tune")["data"]
    with arena_of(subject(mounts, **POLICIES[name])) as arena:
        mesh = arena.unmade()
        assert mesh.probe().missing_permissions == ()
        assert mesh.provider.health(deep=True).ok
        assert not mesh.probe().exists
        mesh.ensure()
        mesh.prepare()
        assert mesh.leaf()
    assert mounts.call("GET", f"sys/mounts/{mounts.root}/tune")["data"] == before


@pytest.mark.parametrize("name", POLICIES)
def test_s14_no_call_needs_more_than_the_documented_policy(vault, tail, name):
    """In a whole life nothing that the token may not do is asked: nothing is tried and forgiven."""
    mounts = Mounts(vault, made=name == "given")
    token = token_with(mounts, lines_of(name))
    with arena_of(subject(mounts, token=token, **POLICIES[name])) as arena:
        whole_life(arena)
    policy = tuple(mounts.policies)
    seen = [each for each in tail.arrivals() if each.policies == policy]
    assert [each for each in seen if each.refusal] == []
    assert len(seen) > 20
    assert {each.policies for each in tail.signed_on(mounts)} == {policy}
    assert not [each for each in seen if "tune" in each.path]
