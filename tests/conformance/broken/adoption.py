"""Providers that do not treat an existing CA as somebody else's."""

import dataclasses
from datetime import timedelta

from ca_provider_builtin import BuiltinPrimary, ca_provider, create
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca_core.contract import KeySpec, Role, generate_key, issue_root, pem_chain
from ca_core.testing.lending import TRUST_DOMAIN
from tests.conformance.broken.breaking import Broken


class ForgetsItsClaim(BuiltinPrimary):
    """Loses the record of who holds the CA when it renews its signer."""

    def prepare_signer(self, request):
        """Free the CA."""
        signer = super().prepare_signer(request)
        if len(self.kept.names()) > 2:
            for key in self.context.state.keys("adopted/"):
                self.context.state.replace(key, self.context.authority_id, None)
        return signer


class NeverLetsGo(BuiltinPrimary):
    """Keeps a CA claimed when its authority is retired."""

    def retire(self, request):
        """Remove the authority alone."""
        self.kept.retire()
        state = self.context.state
        for key in state.keys("adopted/"):
            state.replace(key, self.context.authority_id, "nobody")


def plugin_of(kind):
    """Return the built-in provider's descriptor with another class for primaries."""

    def made(config, context):
        return kind(config, context) if context.role is Role.PRIMARY else create(config, context)

    return dataclasses.replace(ca_provider(), create=made)


def existing(_plugin, clock):
    """Supply a configuration that names a CA, a new one for each check."""

    def make_config(_address):
        key, now = generate_key(KeySpec()), clock.now()
        life = timedelta(days=3650)
        root = issue_root(key, trust_domain=TRUST_DOMAIN, label="theirs", now=now, ttl=life)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {"root_cert": pem_chain([root]), "private_key": private}

    return {"make_config": make_config}


BROKEN = (
    Broken(
        name="forgets-its-claim",
        fault="lets a second authority adopt its CA after a renewal",
        caught_by=frozenset({"adopt.one-authority"}),
        plugin=lambda: plugin_of(ForgetsItsClaim),
        later=True,
        supply=existing,
    ),
    Broken(
        name="never-lets-go",
        fault="keeps an adopted CA claimed for ever",
        caught_by=frozenset({"adopt.survives"}),
        plugin=lambda: plugin_of(NeverLetsGo),
        later=True,
        supply=existing,
    ),
)
