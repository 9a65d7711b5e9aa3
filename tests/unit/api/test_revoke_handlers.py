"""Leaves are revoked over HTTP: in the CRL at once, refused by agents that are shown them."""

import json
import logging

import pytest

from ca_core.acl.principal import Node, Peer
from ca_core.agent.revocations import Revocations
from ca_core.api.crl_handlers import current_crls
from ca_core.api.revoke_handlers import revoke
from ca_core.authority.revokedleaves import REVOKED, revoked_index, revoked_since
from ca_core.authority.rows import current_signer
from ca_core.contract.events import EVENT_FIELDS, EventType
from ca_core.errors import DeniedError, NotFoundError, RequestError, UnavailableError
from ca_core.identity.certificates import parsed_chain, pem_of, serial_hex, spki_digest
from ca_core.wire.revocation import REASONS
from tests.unit.agent.fakes import Authority
from tests.unit.api.asking import asking
from tests.unit.api.test_cluster_handlers import world

ROOT = Peer(uid=0, gid=0, pid=1)


async def leaf_in(built):
    """Return a leaf of the agent that has just joined."""
    answer = await built.join(await built.token())
    return parsed_chain(json.loads(answer.body)["CertPEM"])[0]


async def asked(built, principal=ROOT, **body):
    """Return what the handler answers."""
    raw = json.dumps(body).encode()
    answer = await revoke(built.room, asking(body=raw, principal=principal))
    return json.loads(answer.body)


def told_in(built):
    """Return the serials of the leaves that agents are told of."""
    rows = revoked_since(built.room.store.snapshot, 0, built.clock.now())
    return [row.serial for row in rows]


class Crls:
    """The one call of an upstream that revocations make."""

    def __init__(self, room):
        self._room = room

    async def crls(self):
        """Return what the server knows."""
        return await current_crls(self._room)


async def test_a_revoked_leaf_is_in_the_next_crl_and_agents_know_it():
    """Nobody waits until a kept CRL is old, and no other leaf is touched."""
    async with world() as built:
        leaf = await leaf_in(built)
        authority, signer = current_signer(built.room.store.snapshot)
        (before,) = await built.room.manager.crls.current(authority.id)
        assert before.get_revoked_certificate_by_serial_number(leaf.serial_number) is None
        answer = await asked(built, Certificate=pem_of(leaf), Reason="keyCompromise")
        assert answer == {
            "Identity": str(built.agent),
            "SerialNumber": serial_hex(leaf),
            "Authority": authority.id,
            "Signer": signer.id,
            "Reason": "keyCompromise",
        }
        (crl,) = await built.room.manager.crls.current(authority.id)
        assert [one.serial_number for one in crl] == [leaf.serial_number]
        known = Revocations(Crls(built.room), built.clock)
        await known.refreshed()
        assert leaf in known
        assert signer.certificates[0] not in known


async def test_revoking_twice_changes_nothing():
    """The second answer is the same, the CRL has one line, and nothing is written."""
    async with world() as built:
        pem = pem_of(await leaf_in(built))
        first = await asked(built, Certificate=pem)
        told = revoked_index(built.room.store.snapshot)
        assert await asked(built, Certificate=pem) == first
        assert revoked_index(built.room.store.snapshot) == told
        authority, _ = current_signer(built.room.store.snapshot)
        (crl,) = await built.room.manager.crls.current(authority.id)
        assert len(crl) == 1


async def test_a_leaf_that_the_store_could_not_note_is_told_when_it_is_revoked_again(monkeypatch):
    """The CA has revoked it by then; whoever asked is told what is missing, and what mends it."""
    async with world() as built:
        leaf, store = await leaf_in(built), built.room.store
        update = store.update

        def full(decide):
            wanted = decide(store.snapshot)
            if wanted and any(change.table == REVOKED for change in wanted.changes):
                raise UnavailableError("the disk is full")
            return update(decide)

        with monkeypatch.context() as broken:
            broken.setattr(store, "update", full)
            with pytest.raises(UnavailableError, match="agents could not be told") as caught:
                await asked(built, Certificate=pem_of(leaf))
        assert "revoke it again" in caught.value.hint
        authority, _ = current_signer(built.room.store.snapshot)
        (crl,) = await built.room.manager.crls.current(authority.id)
        assert [one.serial_number for one in crl] == [leaf.serial_number]
        assert told_in(built) == []
        await asked(built, Certificate=pem_of(leaf))
        assert told_in(built) == [serial_hex(leaf)]


async def test_what_no_signer_here_issued_is_not_found():
    """A leaf of another mesh, a root, the signer itself."""
    async with world() as built:
        authority, signer = current_signer(built.room.store.snapshot)
        other = Authority("evil", built.clock.now())
        strangers = (
            other.root.certificate,
            authority.anchor_certificate,
            signer.certificates[0],
        )
        for stranger in strangers:
            with pytest.raises(NotFoundError, match="no signer of this cluster"):
                await asked(built, Certificate=pem_of(stranger))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"Certificate": "", "Reason": "superseded"}, "Certificate"),
        ({"Certificate": "nonsense"}, "Certificate"),
        ({"Certificate": None, "Reason": "certificateHold"}, "Reason"),
        ({"Certificate": None, "Reason": "key_compromise"}, "Reason"),
    ],
)
async def test_what_is_wrong_is_named(body, field):
    """No certificate, and a reason that a leaf cannot have; a hold could be taken back."""
    async with world() as built:
        if body["Certificate"] is None:
            body = body | {"Certificate": pem_of(await leaf_in(built))}
        with pytest.raises(RequestError) as caught:
            await asked(built, **body)
        assert field in str(caught.value)


async def test_every_reason_on_the_list_is_taken():
    """The built-in CA writes each of them into its CRL."""
    async with world() as built:
        pem = pem_of(await leaf_in(built))
        for reason in REASONS:
            assert (await asked(built, Certificate=pem, Reason=reason))["Reason"]


async def test_an_agent_revokes_nothing_not_even_its_own_leaf():
    """It takes an operator."""
    async with world() as built:
        leaf = await leaf_in(built)
        itself = Node(identity=built.agent, key_digest=spki_digest(leaf.public_key()))
        with pytest.raises(DeniedError, match="operator:write"):
            await asked(built, itself, Certificate=pem_of(leaf))


async def test_who_revoked_what_is_told(caplog, monkeypatch):
    """The log and the plugins have it, with every field that was promised."""
    told = []
    async with world() as built:
        tell = type(built.room.events).tell
        monkeypatch.setattr(
            type(built.room.events),
            "tell",
            lambda events, what, **fields: (
                told.append((what, fields)),
                tell(events, what, **fields),
            ),
        )
        leaf = await leaf_in(built)
        with caplog.at_level(logging.INFO, "ca_core.authority"):
            await asked(built, Certificate=pem_of(leaf))
    ((_, fields),) = [each for each in told if each[0] is EventType.LEAF_REVOKED]
    assert fields.keys() == EVENT_FIELDS[EventType.LEAF_REVOKED].keys()
    assert f"uid 0 (pid 1) revoked leaf {serial_hex(leaf)}" in caplog.text
