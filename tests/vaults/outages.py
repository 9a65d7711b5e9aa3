"""What can go wrong with a real server, and its end: each a context manager on a ``Site``."""

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ca_core.testing.faults import (
    LOST,
    Answer,
    Hang,
    Mangle,
    Reset,
    Slow,
    garbage,
    rate_limited,
    truncated,
)
from tests.vaults.methods import ShiftedClock
from tests.vaults.process import VaultProcess
from tests.vaults.subjects import Mounts

WRONG_BY = timedelta(hours=1)
"""How far a clock is set wrong."""

LIFE = 4
"""Seconds that a token lives that shall expire; a world is made in a quarter of a second."""

ROLES = "auth-outages"


@dataclass(frozen=True)
class Site:
    """Where outages happen.

    Attributes:
        vault: the server.
        mounts: those of the provider.
        clock: the provider's.
        file: holds the provider's token, if it has no login.
    """

    vault: VaultProcess
    mounts: Mounts
    clock: ShiftedClock
    file: Path

    def issue(self, **settings: Any) -> None:
        """Write a new token into the file; it may do what the policy of the mounts says."""
        fields = {"policies": self.mounts.policies, "no_default_policy": True, "no_parent": True}
        made = self.vault.call("POST", "auth/token/create", fields | settings)
        self.file.write_text(made["auth"]["client_token"])

    def given(self, **settings: Any) -> dict:
        """Return the configuration of such a token, in the file."""
        self.issue(**settings)
        return {"token_file": str(self.file)}

    def role(self, **settings: Any) -> dict:
        """Return the configuration of a login that gives such tokens."""
        if f"{ROLES}/" not in self.vault.call("GET", "sys/auth")["data"]:
            self.vault.call("POST", f"sys/auth/{ROLES}", {"type": "approle"})
        path = f"auth/{ROLES}/role/{self.mounts.root}"
        fields = {"token_policies": self.mounts.policies, "token_no_default_policy": True}
        self.vault.call("POST", path, fields | settings)
        params = {
            "role_id": self.vault.call("GET", f"{path}/role-id")["data"]["role_id"],
            "secret_id": self.vault.call("POST", f"{path}/secret-id", {})["data"]["secret_id"],
        }
        return {"auth_method": {"type": "approle", "mount_path": ROLES, "params": params}}


@contextmanager
def sealed(site):
    """Seal the server for a while."""
    site.vault.seal()
    try:
        yield
    finally:
        site.vault.unseal()


@contextmanager
def killed(site):
    """Let the server be gone for a while, as after a power cut."""
    site.vault.kill()
    try:
        yield
    finally:
        site.vault.start()
        site.vault.unseal()


@contextmanager
def restarted_sealed(site):
    """Kill the server and start it again at once; somebody unseals it later."""
    site.vault.kill()
    site.vault.start()
    try:
        yield
    finally:
        site.vault.unseal()


@contextmanager
def restarted(site):
    """Kill the server, start and unseal it: the connections that were kept are dead."""
    site.vault.restart()
    yield


@contextmanager
def policy_withdrawn(site):
    """Take every permission of the token away for a while."""
    (name,) = site.mounts.policies
    path = f"sys/policies/acl/{name}"
    text = site.vault.call("GET", path)["data"]["policy"]
    site.vault.call("PUT", path, {"policy": 'path "nothing" { capabilities = ["deny"] }'})
    yield
    site.vault.call("PUT", path, {"policy": text})


@contextmanager
def token_revoked(site):
    """Revoke the token of the file; a new one comes later."""
    site.vault.call("POST", "auth/token/revoke", {"token": site.file.read_text()})
    yield
    site.issue(ttl="1h")


@contextmanager
def token_expired(site):
    """Wait until the token of the file has expired; a new one comes later."""
    time.sleep(LIFE + 1)  # the server rounds what is left of it
    yield
    site.issue(ttl="1h")


@contextmanager
def logins_revoked(site):
    """Revoke every token that a login gave."""
    site.vault.call("PUT", f"sys/leases/revoke-prefix/auth/{ROLES}/login", {})
    yield


@contextmanager
def logins_expired(_site):
    """Wait until every token of before has expired."""
    time.sleep(LIFE)
    yield


def mount_deleted(which):
    """Return what deletes a mount with all that is in it; an empty one comes later."""

    @contextmanager
    def outage(site):
        mount = getattr(site.mounts, which)
        site.mounts.call("DELETE", f"sys/mounts/{mount}")
        yield
        tuned = {"type": "pki", "config": {"max_lease_ttl": "87600h"}}
        site.mounts.call("POST", f"sys/mounts/{mount}", tuned)

    return outage


def clock_wrong(by):
    """Return what sets the provider's clock wrong for a while."""

    @contextmanager
    def outage(site):
        site.clock.by = by
        yield
        site.clock.by = timedelta()

    return outage


@dataclass(frozen=True)
class Outage:
    """One failure of ``docs.vaultfailures``: how it comes about, and where the token is from.

    Attributes:
        during: it begins and ends.
        login: ``Site`` → the part of the configuration that is about the token.
        loses: what was in a mount is gone, so that a new authority serves afterwards.
    """

    during: Callable
    login: Callable[[Site], dict] = field(default=lambda site: site.given(ttl="1h"))
    loses: bool = False


OUTAGES = {
    "sealed": Outage(sealed),
    "killed": Outage(killed),
    "restarted-sealed": Outage(restarted_sealed),
    "restarted": Outage(restarted),
    "policy-withdrawn": Outage(policy_withdrawn),
    "token-revoked": Outage(token_revoked),
    "token-expired": Outage(
        token_expired, lambda site: site.given(ttl=f"{LIFE}s", renewable=False)
    ),
    "logins-revoked": Outage(logins_revoked, lambda site: site.role(token_ttl="1h")),
    "logins-expired": Outage(
        logins_expired, lambda site: site.role(token_ttl=f"{LIFE}s", token_max_ttl=f"{LIFE}s")
    ),
    "root-mount-deleted": Outage(mount_deleted("root"), loses=True),
    "intermediate-mount-deleted": Outage(mount_deleted("intermediate"), loses=True),
    "clock-ahead": Outage(clock_wrong(WRONG_BY)),
    "clock-behind": Outage(clock_wrong(-WRONG_BY)),
}
"""Every failure of the server, by its id in the table of failures."""

FAULTS = {
    "500": Answer(500),
    "503": Answer(503),
    "502": Answer(502),
    "429": rate_limited(1),
    "412": Answer(412),
    "473": Answer(473),
    "403": Answer(403),
    "404": Answer(404),
    "reset": Reset(),
    "lost": LOST,
    "hang": Hang(),
    "late": Slow(timedelta(seconds=1.3)),
    "slow": Slow(timedelta(seconds=0.1)),
    "garbage": Mangle(garbage),
    "truncated": Mangle(truncated),
}
"""Every fault between the provider and the server, by its id in the table of failures."""
