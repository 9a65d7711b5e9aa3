"""A change to a primary CA that a corporate CA signs waits for that signature."""

import pytest
from cryptography import x509

from ca_core.authority.rows import authorities
from ca_core.errors import RequestError
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.installing import install_chain, waiting_csr
from ca_core.lifecycle.rows import Kind, OperationPhase
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.testing.clock import FakeClock
from ca_core.testing.corporate import CorporateCA
from tests.integration.lifecycle.walks import KINDS, PLAIN, QUICK, WalkedRoom
from tests.unit.authority.cluster import running

BOUGHT = next(kind for kind in KINDS if kind.corporate and kind.key == PLAIN.key)


async def waiting(room):
    """Begin a change to a bought primary CA; return the operation once its CSR waits."""
    row = await room.changes.apply(BOUGHT.settings(), actor="test", wishes=QUICK)
    await room.until(lambda: waiting_csr(room.store.snapshot))
    return row


def bought(room, ca, csr=None):
    """Return the chain that a corporate CA makes of the CSR that waits."""
    asked = x509.load_pem_x509_csr((csr or waiting_csr(room.store.snapshot)).encode())
    return ca.signed(asked, now=room.clock.now(), path_length=2)


async def test_a_bought_signature_continues_the_change_on_another_server():
    """The CSR is asked for by one life of the server, its answer is installed in the next one."""
    disk, clock = MemoryDisk(), FakeClock()
    ca = CorporateCA(now=clock.now())
    first = WalkedRoom(MemoryEngine(disk=disk), PLAIN, clock=clock)
    async with running(first):
        await first.ready()
        row = await waiting(first)
        assert row.kind is Kind.SWAP  # a root that signed itself is not what was asked for
        csr = waiting_csr(first.store.snapshot)
    second = WalkedRoom(MemoryEngine(disk=disk), PLAIN, clock=clock)
    async with running(second):
        await second.ready()
        assert waiting_csr(second.store.snapshot) == csr
        chain = bought(second, ca)
        await install_chain(second.lifecycle.tools, chain)
        await second.reached(row, OperationPhase.ACTIVE)
        assert fingerprint(second.signing().anchor_certificate) == fingerprint(chain[0])
        assert waiting_csr(second.store.snapshot) == ""


async def test_a_chain_for_another_key_is_refused_and_the_change_waits_on():
    """A wrong file costs nothing: the right one still fits."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        row, ca = await waiting(room), CorporateCA(now=room.clock.now())
        foreign = CorporateCA(now=room.clock.now(), below=ca).chain
        with pytest.raises(RequestError):
            await install_chain(room.lifecycle.tools, foreign)
        assert room.operation(row.id).phase is OperationPhase.PLANNED
        await install_chain(room.lifecycle.tools, bought(room, ca))
        await room.reached(row, OperationPhase.ACTIVE)


async def test_a_change_that_waits_for_a_signature_can_be_aborted():
    """Then no CSR waits any more, and nothing of it is left."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        row, ca = await waiting(room), CorporateCA(now=room.clock.now())
        chain = bought(room, ca)
        await room.changes.abort(row.id, actor="test")
        assert waiting_csr(room.store.snapshot) == ""
        with pytest.raises(RequestError, match="no change waits"):
            await install_chain(room.lifecycle.tools, chain)
        assert len(authorities(room.store.snapshot)) == 1
