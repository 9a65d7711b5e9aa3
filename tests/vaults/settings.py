"""The ways in which operators set the Vault provider up, each with the policy shipped for it."""

import itertools
from collections import Counter

from ca_core.contract import KeySpec, KeyType
from ca_core.testing.conformance.subject import DEFAULT_KEYS
from tests.vaults.audit import AuditTail
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, subject

MODES = {"managed": {}, "given": {"manage_mounts": False}}
KEYS = {"ec": DEFAULT_KEYS, "rsa": (KeySpec(KeyType.RSA, 2048), KeySpec())}
PLACES = ("no namespace", "a namespace")
SETTINGS = tuple(itertools.product(MODES, KEYS, PLACES))
"""Who makes the mounts, the usual key of a CA, and where the mounts are."""

NAMES = [", ".join(setting) for setting in SETTINGS]

_NUMBERS = itertools.count(1)

SIGNING = ("/sign/", "/sign-intermediate")
MAKING = ("/root/generate/internal", "/intermediate/generate/internal", "/intermediate/set-signed")


class SetUp:
    """The provider under test in one setting, with no more than the shipped policy.

    Attributes:
        mounts: its own.
        subject: for the conformance kit.
        tail: the server's audit log since it was set up; None if we cannot read it.
    """

    def __init__(self, vault, setting=SETTINGS[0]):
        mode, keys, place = setting
        namespace = f"team-{vault.label}{next(_NUMBERS)}" if place == "a namespace" else ""
        self.mounts = Mounts(vault, namespace=namespace, made=mode == "given")
        token = token_with(self.mounts, lines_of(mode))
        self.subject = subject(self.mounts, keys=KEYS[keys], token=token, **MODES[mode])
        self.tail = AuditTail(vault) if vault.is_audited else None

    @property
    def policies(self):
        """Return the names of our token's policies."""
        return tuple(self.mounts.policies)

    def arrived(self):
        """Return how many requests with our policy's token reached our mounts, by what they do."""
        found = Counter()
        for seen in self.tail.on(self.mounts):
            if seen.policies == self.policies:
                found.update(part for part in SIGNING + MAKING if part in f"/{seen.path}")
        return found

    def assert_served(self):
        """Assert that the real server signed, for our token alone, in these mounts."""
        if self.tail is None:
            return
        found = self.arrived()
        assert all(found[part] for part in SIGNING + MAKING), found
        strangers = [
            seen
            for seen in self.tail.signed_on(self.mounts)
            if seen.policies not in {self.policies, ()}
        ]
        assert strangers == []
