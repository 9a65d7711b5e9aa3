"""Any number of servers on one kind of provider, and the requests a core would send."""

import dataclasses
import itertools
import subprocess
from datetime import timedelta
from pathlib import Path

from ca_provider_builtin import ca_provider

from ca_core.contract import (
    AuthorityRequest,
    Capability,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    IntermediateRequest,
    KeySpec,
    LeafRequest,
    PendingError,
    ProbeRequest,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    Role,
    ServiceId,
    SignerRequest,
    pem_chain,
)
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing import (
    FakeClock,
    MemoryProviderState,
    MemorySecrets,
    ReferenceBackend,
    SlowBackend,
    provider_context,
    reference_plugin,
    slow_plugin,
)
from ca_core.testing.lending import TRUST_DOMAIN

KINDS = ("builtin", "reference", "slow")
WEB = ServiceId(trust_domain=TRUST_DOMAIN, datacenter="dc1", service="web")
YEAR = timedelta(days=365)
LEAF_KEY = new_leaf_key()
LEAF_CSR = leaf_csr(LEAF_KEY, WEB)
_numbers = itertools.count(1)


class World:
    """Shared clock, state, secrets and backend; every ``server`` is a provider object on them."""

    def __init__(self, kind, *, role=Role.PRIMARY, config=None, clock=None):
        self.kind = kind
        self.role = role
        self.config = config or {}
        self.clock = clock or FakeClock()
        self.state = MemoryProviderState()
        self.secrets = MemorySecrets()
        self.reference = ReferenceBackend()
        self.slow = SlowBackend(self.clock, polls=1)

    def context(self, authority="a1", *, steps=None):
        """Return what this cluster lends to a provider object; ``steps`` watches its writes."""
        watched = steps.watching if steps else lambda target: target
        return provider_context(
            authority,
            state=watched(self.state),
            secrets=watched(self.secrets),
            clock=self.clock,
            role=self.role,
        )

    def server(self, authority="a1", *, steps=None, **config):
        """Return a new provider object, as a server makes one when it starts."""
        watched = steps.watching if steps else lambda target: target
        match self.kind:
            case "builtin":
                plugin = ca_provider()
            case "reference":
                plugin = reference_plugin(self.reference)
            case "slow":
                plugin = slow_plugin(watched(self.slow))
        return plugin.open(self.config | config, self.context(authority, steps=steps))

    def objects(self):
        """Count the CAs that exist in the backend, whoever knows of them."""
        match self.kind:
            case "builtin":
                return len(self.secrets.names())
            case "reference":
                return len(self.reference.names())
            case "slow":
                return sum(len(self.slow.find(tag)) for tag in ("a1", "a2"))

    def records(self, part=""):
        """Return the state's keys that contain ``part``."""
        return [path for path in self.state.keys("") if part in path]

    def base(self):
        """Return what every request carries."""
        return {
            "request_id": f"request-{next(_numbers)}",
            "deadline": self.clock.now() + timedelta(seconds=30),
        }

    def call(self, method, request):
        """Call as the core does: come back with the token for as long as the backend is slow."""
        for _ in range(20):
            try:
                return method(request)
            except PendingError as pending:
                if pending.csr:
                    raise
                self.clock.advance(pending.poll_after)
                request = dataclasses.replace(request, pending=pending.token)
        raise AssertionError("pending for ever")

    def ensure(self, server, authority="a1", *, key=None, ttl=10 * YEAR):
        """Make or return the authority."""
        request = self.authority_request(authority, key=key, ttl=ttl)
        return self.call(server.ensure_authority, request)

    def authority_request(self, authority="a1", *, key=None, ttl=10 * YEAR):
        """Return the request for an authority."""
        return AuthorityRequest(
            **self.base(), id=authority, key=key or KeySpec(), ttl=ttl, trust_domain=TRUST_DOMAIN
        )

    def prepare(self, server, signer="s1", *, key=None, ttl=YEAR):
        """Make or return a signer."""
        return self.call(server.prepare_signer, self.signer_request(signer, key=key, ttl=ttl))

    def signer_request(self, signer="s1", *, key=None, ttl=YEAR):
        """Return the request for a signer."""
        return SignerRequest(**self.base(), id=signer, key=key or KeySpec(), ttl=ttl)

    def leaf_request(self, signer="s1", *, ttl=timedelta(hours=72), csr=LEAF_CSR, **names):
        """Return the request for a leaf of ``web``."""
        now = self.clock.now()
        return LeafRequest(
            **self.base(),
            csr=csr,
            identity=WEB,
            not_before=now - timedelta(seconds=60),
            not_after=now + ttl,
            signer=signer,
            **names,
        )

    def sign(self, server, signer="s1", **rest):
        """Sign a leaf of ``web``."""
        return self.call(server.sign_leaf, self.leaf_request(signer, **rest))

    def started(self, authority="a1", signer="s1", *, key=None, **config):
        """Return a server whose authority and signer exist."""
        server = self.server(authority, **config)
        self.ensure(server, authority, key=key)
        self.prepare(server, signer, key=key)
        return server

    def cross_request(self, certificate, *, csr=None, ttl=YEAR, path_length=None):
        """Return the request to cross-sign ``certificate``."""
        not_after = self.clock.now() + ttl
        return CrossSignRequest(
            **self.base(),
            certificate=certificate,
            csr=csr,
            not_after=not_after,
            path_length=path_length,
        )

    def intermediate_request(self, csr, *, ttl=YEAR):
        """Return the request to sign a secondary's CSR."""
        return IntermediateRequest(**self.base(), csr=csr, trust_domain=TRUST_DOMAIN, ttl=ttl)

    def csr_request(self):
        """Return the request for a CSR by the primary key."""
        return CsrRequest(**self.base())

    def revoke_request(self, certificate, signer="s1", **rest):
        """Return the request to revoke."""
        return RevokeRequest(**self.base(), certificate=certificate, signer=signer, **rest)

    def crl_request(self, signer="s1"):
        """Return the request for a CRL."""
        return CrlRequest(**self.base(), signer=signer)

    def retire(self, server):
        """Retire the authority of ``server``."""
        server.retire(RetireRequest(**self.base()))

    def retire_signer(self, server, signer="s1"):
        """Retire one signer."""
        server.retire_signer(RetireSignerRequest(**self.base(), id=signer))

    def probe(self, server):
        """Ask what exists."""
        return server.probe(ProbeRequest(**self.base()))


class Killed(BaseException):
    """The process is gone: nothing in a provider may catch this."""


def killed_at(step):
    """Return what kills at the step of that number."""

    def act(number):
        if number == step:
            raise Killed

    return act


class Steps:
    """Counts what a server writes, and calls ``act(step)`` before (or after) every write."""

    WRITES = frozenset(
        {"create", "replace", "delete", "request_ca", "issue", "import_chain", "delete_ca"}
    )

    def __init__(self, act, *, after=False):
        self.count = 0
        self._act = act
        self._after = after

    def watching(self, target):
        """Return ``target`` with its writes counted."""
        return _Watched(target, self)

    def around(self, write):
        """Return ``write`` as a step."""

        def step(*args, **kwargs):
            number, self.count = self.count, self.count + 1
            if not self._after:
                self._act(number)
            answer = write(*args, **kwargs)
            if self._after:
                self._act(number)
            return answer

        return step


class _Watched:
    def __init__(self, target, steps):
        self._target = target
        self._steps = steps

    def __getattr__(self, name):
        found = getattr(self._target, name)
        return self._steps.around(found) if name in Steps.WRITES else found


def openssl(*args, stdin=None):
    """Run openssl; return (exit code, everything it said)."""
    done = subprocess.run(
        ["openssl", *map(str, args)], input=stdin, capture_output=True, check=False, timeout=20
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def openssl_verdict(  # noqa: PLR0913 - every choice openssl offers
    folder: Path, leaf, untrusted, anchor, *, at, more=(), purposes=("sslserver", "sslclient")
):
    """Return what ``openssl verify -x509_strict`` says; empty for yes, for every purpose."""
    for name, chain in (("anchor", [anchor]), ("untrusted", untrusted), ("leaf", [leaf])):
        (folder / f"{name}.pem").write_text(pem_chain(chain))
    for purpose in purposes:
        between = ["-untrusted", folder / "untrusted.pem"] if untrusted else []
        code, said = openssl(
            "verify", "-x509_strict", "-attime", int(at.timestamp()), "-purpose", purpose,
            "-CAfile", folder / "anchor.pem", *between, *more, folder / "leaf.pem",
        )  # fmt: skip
        if code:
            return said
    return ""


CALLS = {
    Capability.EXTERNAL_ISSUER: "install_authority",
    Capability.SECONDARY: "install_intermediate",
    Capability.SIGN_INTERMEDIATE: "sign_intermediate",
    Capability.CROSS_SIGN: "cross_sign",
    Capability.CROSS_SIGN_CSR: "cross_sign_csr",
    Capability.REVOKE: "crl",
}
"""A capability → a method that only it allows."""
