"""Outages of a real server, met by every method: a typed error in time, and service after it."""

import dataclasses
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from ca_core.contract import OutcomeUnknownError, PermissionDeniedError, UnavailableError
from ca_core.testing.conformance.trying import attempt
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject

PATIENCE = 3.0
"""Seconds that a call is given; none may take longer by more than a second."""

RECOVERY = 2.0
"""Seconds after an outage within which everything works again."""


@contextmanager
def sealed(vault, _mounts):
    """Seal the server for a while."""
    vault.seal()
    try:
        yield
    finally:
        vault.unseal()


@contextmanager
def killed(vault, _mounts):
    """Let the server be gone for a while, as after a power cut."""
    vault.kill()
    try:
        yield
    finally:
        vault.start()
        vault.unseal()


@contextmanager
def policy_withdrawn(_vault, mounts):
    """Take every permission of the token away for a while."""
    (name,) = mounts.policies
    text = mounts.call("GET", f"sys/policies/acl/{name}")["data"]["policy"]
    mounts.call(
        "PUT", f"sys/policies/acl/{name}", {"policy": 'path "nothing" { capabilities = ["deny"] }'}
    )
    yield
    mounts.call("PUT", f"sys/policies/acl/{name}", {"policy": text})


OUTAGES = {
    "sealed": (sealed, (UnavailableError,)),
    "killed": (killed, (UnavailableError, OutcomeUnknownError)),
    "policy withdrawn": (policy_withdrawn, (PermissionDeniedError,)),
}


def calls_of(arena, mesh):
    """Return every method that asks the server, each with a request of its own."""
    provider, ask, signer = mesh.provider, mesh.ask, mesh.signer
    leaf, other, fresh = mesh.leaf(), arena.other_side(), mesh.cluster.server()
    csr = other.cross_csr()
    theirs = other.provider.trust_chain().primary
    below = arena.other_secondary().csr(arena.tempo.new_id("s"))
    return {
        "probe": (provider.probe, ask.probe()),
        "ensure_authority": (fresh.provider.ensure_authority, fresh.ask.authority()),
        "prepare_signer": (provider.prepare_signer, ask.signer(arena.tempo.new_id("s"))),
        "sign_leaf": (provider.sign_leaf, ask.leaf(signer)),
        "sign_intermediate": (provider.sign_intermediate, ask.intermediate(below)),
        "cross_sign": (provider.cross_sign, ask.cross(theirs, csr=csr)),
        "cross_sign_csr": (provider.cross_sign_csr, ask.cross_csr()),
        "revoke": (provider.revoke, ask.revoke(leaf, signer)),
        "retire_signer": (provider.retire_signer, ask.retire_signer(arena.doomed)),
        "retire": (arena.done.provider.retire, arena.done.ask.retire()),
    }


def timed(name, method, request):
    """Return what a call came to, and its seconds."""
    deadline = request.deadline.now(request.deadline.tzinfo) + timedelta(seconds=PATIENCE)
    began = time.monotonic()
    found = attempt(lambda: method(dataclasses.replace(request, deadline=deadline)), name)
    return found, time.monotonic() - began


def recovered(name, method, request, until):
    """Call as the core does, again after each failure until it is time; return the last outcome."""
    while True:
        found, _ = timed(name, method, request)
        if found.error is None or time.monotonic() > until:
            return found
        time.sleep(0.05)


@pytest.fixture
def mounts(vault):
    """Return two mounts that are there, and a policy for them."""
    return Mounts(vault, made=True)


@pytest.mark.parametrize("outage", OUTAGES)
def test_every_method_tells_an_outage_in_time_and_works_after_it(vault, mounts, outage):
    """Each raises the error that says who must act; soon after the end all of them work."""
    during, kinds = OUTAGES[outage]
    token = token_with(mounts, lines_of("given"))
    with arena_of(subject(mounts, token=token)) as arena:
        mesh = arena.mesh()
        arena.doomed = mesh.prepare(arena.tempo.new_id("s")).id
        mesh.signer = mesh.prepare().id
        arena.done = mesh.cluster.server()
        arena.done.ensure()
        calls = calls_of(arena, mesh)
        with during(vault, mounts):
            for name, (method, request) in calls.items():
                found, seconds = timed(name, method, request)
                told = found.is_one_of(*kinds) or (name == "probe" and found.error is None)
                assert told, f"{name} came to {found}"
                assert seconds < PATIENCE + 1, name
            assert not mesh.provider.health(deep=True).ok
        until = time.monotonic() + RECOVERY
        for name, call in calls.items():
            found = recovered(name, *call, until)
            assert found.error is None, f"{name} came to {found}"
