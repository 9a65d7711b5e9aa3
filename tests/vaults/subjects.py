"""The Vault provider under test, on a real server, in mounts of its own."""

import itertools
from contextlib import contextmanager
from urllib.error import HTTPError

from ca_provider_vault import ca_provider

from ca_core.testing.conformance import ProviderUnderTest
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.subject import DEFAULT_KEYS
from ca_core.testing.conformance.tempo import Tempo

_NUMBERS = itertools.count(1)


class Mounts:
    """Two mounts that nobody else uses, named before they are made.

    Attributes:
        vault: the server.
        root: path of the roots' mount.
        intermediate: path of the signers' mount.
        namespace: both are in it; '' is the server's own.
        policies: names of policies that were made for them.
    """

    def __init__(self, vault, *, namespace="", made=False):
        number = next(_NUMBERS)
        self.vault = vault
        self.namespace = namespace
        self.policies = []
        unique = f"{vault.label}{number}"
        self.root, self.intermediate = f"root-{unique}", f"intermediate-{unique}"
        if namespace:
            vault.call("POST", f"sys/namespaces/{namespace}", {})
        if made:
            for path in (self.root, self.intermediate):
                tuned = {"max_lease_ttl": "87600h"}
                self.call("POST", f"sys/mounts/{path}", {"type": "pki", "config": tuned})

    def call(self, method, path, body=None):
        """Return the answer to a request in the namespace, as root."""
        prefix = f"{self.namespace}/" if self.namespace else ""
        return self.vault.call(method, prefix + path, body)

    def config(self, address=None, **more):
        """Return a configuration for these mounts."""
        given = {"token", "token_file", "auth_method"} & set(more)
        login = {} if given else {"token": self.vault.token}
        return {
            "address": address or self.vault.address,
            "namespace": self.namespace,
            "root_pki_path": self.root,
            "intermediate_pki_path": self.intermediate,
            **login,
            **more,
        }

    def listed(self, mount, kind):
        """Return the names or ids of one kind of object; none where there is no mount."""
        try:
            return self.call("LIST", f"{mount}/{kind}")["data"]["keys"]
        except HTTPError as error:
            if error.code != 404:
                raise
            return []

    def count(self):
        """Return how many objects of each kind there are."""
        return {
            f"{mount} {kind}": len(self.listed(mount, kind))
            for mount in (self.root, self.intermediate)
            for kind in ("issuers", "keys", "roles")
        }

    def adoptable(self, key_type="rsa"):
        """Make a root by hand, as an operator would, and return its name."""
        name = f"corporate-{next(_NUMBERS)}"
        fields = {"issuer_name": name, "common_name": name, "organization": "Corporation"}
        fields |= {"ttl": "87600h", "max_path_length": -1, "key_type": key_type}
        self.call("POST", f"{self.root}/root/generate/internal", fields)
        return name

    def issuer_id(self, name):
        """Return what the server calls an issuer of the root mount."""
        return self.call("GET", f"{self.root}/issuer/{name}")["data"]["issuer_id"]


def subject(mounts, *, keys=DEFAULT_KEYS, **more):
    """Return the provider under test on ``mounts``; ``more`` goes into its configuration."""
    return ProviderUnderTest(
        provider=ca_provider(),
        make_config=lambda address: mounts.config(address, **more),
        other_config=lambda: mounts.config(concurrency=2, **more),
        backend=mounts.vault.address,
        restart=mounts.vault.restart,
        count_objects=mounts.count,
        keys=keys,
    )


@contextmanager
def arena_of(tried):
    """Give an arena on the subject under test; what was made in it is retired afterwards."""
    arena = Arena(tried, tried.provider, Tempo(None, tried.keys[0]), frozenset())
    try:
        yield arena
    finally:
        arena.close()
