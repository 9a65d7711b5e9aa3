"""Tokens of others that died, or were fetched for every signature, replayed on the real server."""

import itertools
import threading
import time

import pytest

from ca_core.contract import Error, PermissionDeniedError, UnavailableError
from tests.vaults.audit import AuditTail
from tests.vaults.subjects import arena_of, subject

NAMES = itertools.count(1)
CALLERS = 8
EACH = 25
PERIOD = 6
"""Seconds; nothing replaces a given token that died, so a third of it is more than a pause of the
machine, in which nobody can renew it."""


def approle(vault, **settings):
    """Return the configuration of a login by a role of its own, and where it logs in."""
    mount = f"incident-{vault.label}{next(NAMES)}"
    role = f"auth/{mount}/role/ca"
    vault.call("POST", f"sys/auth/{mount}", {"type": "approle"})
    allowed = 'path "*" { capabilities = ["create", "read", "update", "delete", "list"] }'
    vault.call("PUT", "sys/policies/acl/incidents", {"policy": allowed})
    vault.call("POST", role, {"token_policies": ["incidents"], **settings})
    params = {
        "role_id": vault.call("GET", f"{role}/role-id")["data"]["role_id"],
        "secret_id": vault.call("POST", f"{role}/secret-id", {})["data"]["secret_id"],
    }
    method = {"type": "approle", "mount_path": mount, "params": params}
    return {"auth_method": method}, f"auth/{mount}/login"


def issued(vault, **settings):
    """Return the configuration of a token with these settings."""
    made = vault.call("POST", "auth/token/create", {"policies": ["root"], **settings})
    return {"token": made["auth"]["client_token"]}


def signs_for(seconds, meshes):
    """Sign with every provider again and again; a failure is the test's."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for kind, mesh in meshes.items():
            try:
                assert mesh.leaf()
            except Error as error:
                pytest.fail(f"{kind}: {error}")
        time.sleep(0.05)


def together(work):
    """Run ``work`` in ``CALLERS`` threads; return what they raised."""
    raised = []

    def run():
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread's failure is told by the test
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


@pytest.fixture
def opened(mounts):
    """Return a function: a mesh whose token comes from the given configuration."""
    with arena_of(subject(mounts)) as arena:
        first = arena.mesh()
        yield lambda login: first.another(config=mounts.config(**login))


def test_s26_s34_signing_goes_on_past_the_life_of_every_kind_of_token(vault, opened):
    """Renewed, replaced at the maximum life, or of a kind that nobody can renew."""
    kinds = {
        "a login that is renewed": approle(vault, token_ttl="2s", token_max_ttl="1h")[0],
        "a login with a maximum life": approle(vault, token_ttl="2s", token_max_ttl="3s")[0],
        "a login without renewal": approle(vault, token_ttl="2s", token_max_ttl="2s")[0],
        "batch tokens of a login": approle(vault, token_ttl="4s", token_type="batch")[0],
    }
    meshes = {kind: opened(login) for kind, login in kinds.items()}
    meshes["a periodic token"] = opened(issued(vault, period=f"{PERIOD}s"))
    signs_for(PERIOD + 1.5, meshes)


def test_s26_a_token_that_nobody_can_renew_signs_to_its_end_and_then_says_so(vault, opened):
    """Renewal that fails is no reason to stop early; afterwards the error is of the right type."""
    mesh = opened(issued(vault, ttl=f"{PERIOD}s", renewable=False))
    began = time.monotonic()
    while time.monotonic() < began + PERIOD * 3 / 4:  # its renewal fails at two thirds
        assert mesh.leaf()
    time.sleep(max(began + PERIOD + 0.2 - time.monotonic(), 0))
    with pytest.raises((PermissionDeniedError, UnavailableError)) as caught:
        mesh.leaf()
    assert "token" in f"{caught.value} {caught.value.hint}"


def test_s26_a_token_that_was_revoked_is_not_taken_for_a_policy_that_lacks_something(vault, opened):
    """The server says the same of both, so the error names both; a new token would help."""
    login = issued(vault, ttl="1h")
    mesh = opened(login)
    assert mesh.leaf()
    vault.call("POST", "auth/token/revoke", login)
    with pytest.raises(PermissionDeniedError) as caught:
        mesh.leaf()
    assert "token" in f"{caught.value} {caught.value.hint}"
    assert login["token"] not in f"{caught.value} {caught.value.hint}"


def test_s30_two_hundred_signatures_cost_one_login(vault, opened):
    """Eight callers at once share one token; and one more login once the server ends it."""
    login, path = approle(vault, token_ttl="1h")
    mesh, tail = opened(login), AuditTail(vault)

    def sign():
        for _ in range(EACH):
            mesh.leaf()

    assert together(sign) == []
    seen = [each.path for each in tail.arrivals()]
    assert seen.count(path) == 1
    assert len([each for each in seen if "/sign/" in each]) == CALLERS * EACH
    assert len(seen) == CALLERS * EACH + 1
    vault.call("POST", "sys/leases/revoke-prefix/" + path.removesuffix("/login"), {})
    assert together(mesh.leaf) == []
    assert [each.path for each in tail.arrivals()].count(path) == 2


def test_s34_a_token_that_died_while_nobody_called_is_replaced_by_the_next_call(vault, opened):
    """Idle for longer than the maximum life, as over a weekend: the next leaf is signed."""
    login, path = approle(vault, token_ttl="1s", token_max_ttl="1s")
    mesh = opened(login)
    assert mesh.leaf()
    mesh.provider.server._renewal.close()  # nobody renews: the call must
    time.sleep(1.6)
    tail = AuditTail(vault)
    assert mesh.leaf()
    assert [each.path for each in tail.arrivals()].count(path) == 1
