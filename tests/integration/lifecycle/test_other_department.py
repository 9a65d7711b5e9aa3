"""A corporate-issued primary: another department's CA mints our identity, and nobody believes it.

Both CAs lead to the same corporate root. The mesh trusts its own primary CA, not that root.
"""

import contextlib
import dataclasses
import ssl

import pytest
from ca_provider_builtin import create

from ca_core.acl.principal import Anonymous
from ca_core.agent.leaffiles import BUNDLE, files_of
from ca_core.agent.tls import ClientPair, verifying_context
from ca_core.agent.verification import UntrustedChainError, Wanted, verified_chain
from ca_core.api.serverleaf import server_context
from ca_core.authority.roots import roots_of
from ca_core.clock import SystemClock
from ca_core.contract.issuing import KeyPair, issue_leaf
from ca_core.contract.requests import LeafRequest
from ca_core.errors import GuardError
from ca_core.identity.certificates import pem_chain
from ca_core.identity.csr import check_csr
from ca_core.identity.leafcsr import key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, ServerId, ServiceId
from ca_core.state.memory import MemoryEngine
from ca_core.testing.corporate import CorporateCA
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.times import wire_time
from tests.integration.lifecycle.walks import BUILTIN, HOUR, KINDS, Verifiers, WalkedRoom
from tests.integration.svid import openssl, write
from tests.unit.authority.cluster import DOMAIN, running

BOUGHT = next(kind for kind in KINDS if kind.corporate)
WEB = ServiceId(trust_domain=DOMAIN, datacenter="dc1", service="web")
SERVER = ServerId(trust_domain=DOMAIN, datacenter="dc1")
AGENT = AgentId(trust_domain=DOMAIN, datacenter="dc1", node="n1")


class Department:
    """Another department's CA, below our corporate root."""

    def __init__(self, room):
        self._now = room.clock.now().replace(microsecond=0)
        self._ca = CorporateCA(now=self._now, below=room.corporate_root)

    def issued(self, request):
        """Return a leaf exactly as it was asked for."""
        return issue_leaf(KeyPair(self._ca.chain[0], self._ca._key), request)

    def minted(self, identity):
        """Return a chain that names one of our identities, corporate root included, and its key."""
        key = new_leaf_key()
        request = LeafRequest(
            request_id="r",
            deadline=self._now + HOUR,
            csr=leaf_csr(key, identity),
            identity=identity,
            dns_names=(),
            ip_addresses=(),
            not_before=self._now - HOUR,
            not_after=self._now + HOUR,
            signer="signer",
        )
        return (self.issued(request), *self._ca.chain), key


def real_time_room():
    """Return a room on the real clock: TLS looks at no other one."""
    return WalkedRoom(MemoryEngine(), BOUGHT, clock=SystemClock())


@contextlib.asynccontextmanager
async def mesh():
    """Run a room whose primary CA the corporation signed; yields it with the other department."""
    room = real_time_room()
    async with running(room):
        await room.ready()
        yield room, Department(room)


async def test_the_agent_refuses_it():
    """For every identity that an agent is given leaves of; its own included."""
    async with mesh() as (room, department):
        for identity in (WEB, AGENT):
            chain, key = department.minted(identity)
            wanted = Wanted(key=key, identity=identity)
            with pytest.raises(UntrustedChainError):
                verified_chain(pem_chain(chain), wanted, room.anchors(), now=room.clock.now())


async def test_the_server_refuses_it_as_an_agent():
    """The API's mTLS: the handshake fails, no handler is asked."""
    async with mesh() as (room, department):
        assert await refusal(room, client=await honest(room)) == ""
        said = await refusal(room, client=pair_of(*department.minted(AGENT)))
        assert "self-signed certificate in certificate chain" in said


async def test_an_agent_refuses_it_as_the_server():
    """Whoever shows it in place of the server hears nothing from us."""
    async with mesh() as (room, department):
        foreign = pair_of(*department.minted(SERVER))
        said = await refusal(room, client=await honest(room), server=foreign)
        assert "self-signed certificate in certificate chain" in said


async def test_the_guard_refuses_it_from_a_provider():
    """A backend that signs with the other department's key hands out nothing."""
    async with mesh() as (room, department):

        def straying(config, context):
            provider = create(config, context)
            provider.sign_leaf = department.issued
            return provider

        plugin = dataclasses.replace(BUILTIN, create=straying)
        room.manager.opener.registry._extra["under-test"] = plugin
        await room.manager.slots.close()
        room.manager.slots.open(room.manager.place)
        await room.manager.opened()
        with pytest.raises(GuardError, match="signature"):
            await room.sign()


async def test_the_bundle_on_disk_refuses_it(tmp_path):
    """What ``leaf watch`` writes, read by OpenSSL: ours passes, theirs does not."""
    async with mesh() as (room, department):
        ours, (theirs, key) = await room.presented(), department.minted(WEB)
        shown = issued_cert(theirs, key)
        written = files_of(shown, roots_of(room.store.snapshot))[BUNDLE].raw
        bundle = write(tmp_path / "bundle.pem", written.decode())
        assert refused(tmp_path, bundle, ours) == ""
        assert "self-signed certificate in certificate chain" in refused(tmp_path, bundle, theirs)
        assert "unable to get local issuer certificate" in refused(tmp_path, bundle, theirs[:-1])
        verifiers = Verifiers(tmp_path, room.clock)
        assert verifiers.refusal(theirs, room.anchors())
        assert not verifiers.refusal(theirs, (theirs[-1],))  # to the corporate root it is valid


def issued_cert(chain, key):
    """Return what an agent would answer if it believed the chain."""
    ends = wire_time(chain[0].not_valid_after_utc)
    return IssuedCert(
        serial_number="1",
        cert_pem=pem_chain(chain),
        private_key_pem=key_pem(key),
        service="web",
        service_uri=str(WEB),
        valid_after=ends,
        valid_before=ends,
        create_index=1,
        modify_index=1,
    )


def refused(folder, bundle, chain):
    """Return what ``openssl verify`` says against a chain under a bundle on disk, or ''."""
    leaf = write(folder / "shown.pem", pem_chain(chain[:1]))
    above = write(folder / "above.pem", pem_chain(chain[1:]))
    options = ["-x509_strict", "-partial_chain", "-no-CApath"]
    code, said = openssl("verify", *options, "-CAfile", bundle, "-untrusted", above, leaf)
    return said if code else ""


def pair_of(chain, key):
    """Return a chain and its key as they are loaded into a context."""
    return ClientPair(pem_chain(chain), key_pem(key))


async def honest(room):
    """Return a leaf of ours with its key."""
    key = new_leaf_key()
    csr = check_csr(leaf_csr(key, WEB))
    issued = await room.manager.sign(csr, principal=Anonymous())
    return ClientPair(issued.pem, key_pem(key))


async def refusal(room, *, client, server=None):
    """Shake hands with the contexts that we ship; return why one side refuses, or ''."""
    anchors = room.anchors()
    serving = server_context(server or await honest(room), anchors)
    dialling = verifying_context(anchors, client)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        dialling.wrap_bio(down, up, server_side=False),
        serving.wrap_bio(up, down, server_side=True),
    )
    try:
        for end in (*ends, *ends):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    except ssl.SSLError as error:
        return str(error)
    assert all(end.getpeercert(binary_form=True) for end in ends)
    return ""
