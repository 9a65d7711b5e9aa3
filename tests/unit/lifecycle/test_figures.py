"""What metrics and plugins are told of a change while it goes on."""

import asyncio
from datetime import timedelta

from ca_core.contract import EVENT_FIELDS, EventType
from ca_core.lifecycle.figures import figures
from ca_core.lifecycle.rows import Wishes
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.recovery.mending import Heard, SickRoom

QUICK = Wishes(settle=timedelta())


def figures_of(room):
    """Return a room's figures."""
    return figures(room.lifecycle.tools, room.lifecycle.reissue)


def test_figures_follow_a_change():
    """Who is missing while it is distributed, what is to be re-issued after it is active."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            room.join("here")
            room.join("there")
            await room.sign()
            begun = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.until(lambda: "did not acknowledge" in room.operation(begun.id).error)
            room.acknowledge("here")
            room.clock.advance(timedelta(seconds=7))
            now = figures_of(room)
            assert (now.kind, now.phase, now.seconds) == ("rotate", "distributed", 7.0)
            assert (now.counted, now.missing) == (2, 1)
            assert (now.authorities["signing"], now.authorities["trusted"]) == (1, 1)
            room.acknowledge("there")
            await room.active(begun.id)
            await room.lifecycle.reissue.spread()
            now = figures_of(room)
            assert (now.kind, now.counted, now.to_reissue) == ("", 0, 1)
            assert now.authorities["draining"] == 1

    asyncio.run(scenario())


def test_plugins_are_told_how_a_change_goes():
    """Begun, prepared, distributed, over: each once, with the fields that are promised."""

    async def scenario():
        heard = Heard()
        room = SickRoom(bystanders=heard.bystanders)
        async with running(room):
            await room.ready()
            await room.sign()
            begun = await room.changes.rotate(actor="ann", wishes=QUICK)
            await room.active(begun.id)
            await room.changes.roll_back(begun.id, actor="bob")
            await room.until(lambda: len(heard.of(EventType.OPERATION_ENDED)) == 2)
        (first,) = heard.of(EventType.OPERATION_BEGUN)
        assert (first["operation"], first["actor"]) == (begun.id, "ann")
        passed = [told["phase"] for told in heard.of(EventType.OPERATION_PHASE)]
        assert passed == ["prepared", "distributed"]
        ends = [(told["phase"], told["actor"]) for told in heard.of(EventType.OPERATION_ENDED)]
        assert ends == [("active", "policy"), ("rolled_back", "bob")]
        for event in heard.told:
            assert set(event.fields) == set(EVENT_FIELDS[event.type])

    asyncio.run(scenario())


def test_what_comes_to_nothing_is_told_and_counted_as_well():
    """By whom it was ended, and why."""

    async def scenario():
        heard, counted = Heard(), []
        room = SickRoom(bystanders=heard.bystanders)
        object.__setattr__(room.lifecycle.tools, "on_ended", lambda *what: counted.append(what))
        async with running(room):
            await room.ready()
            room.join("silent")
            begun = await room.changes.rotate(actor="ann", wishes=QUICK)
            await room.changes.abort(begun.id, actor="bob", reason="not today")
            await room.until(lambda: heard.of(EventType.OPERATION_ENDED))
        (told,) = heard.of(EventType.OPERATION_ENDED)
        assert (told["phase"], told["actor"], told["reason"]) == ("aborted", "bob", "not today")
        assert counted == [("rotate", "aborted")]

    asyncio.run(scenario())
