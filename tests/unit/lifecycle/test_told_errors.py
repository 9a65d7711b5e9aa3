"""What a backend says may repeat a credential: it stands in no row, and in no answer."""

import asyncio

import pytest

from ca_core.api.problems import problem_response
from ca_core.authority.registry import Registry
from ca_core.authority.settings import CASettings
from ca_core.errors import GuardError, PermissionDeniedError, ProviderError, UnavailableError
from ca_core.identity.keys import parse_key_spec
from ca_core.lifecycle.plan import plan
from ca_core.lifecycle.rows import OperationPhase, Wishes, leftovers
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.gates import Gates
from tests.unit.lifecycle.rooms import LivingRoom

TOKEN = "hvs.CAESIJ0000000000000000000000000000"
SAID = f"403 for {TOKEN}"


def stored(room) -> str:
    """Return every value of the store, as text."""
    tables = room.store.snapshot.tables
    return "".join(str(row.value) for rows in tables.values() for row in rows.values())


def gated() -> tuple[LivingRoom, Gates]:
    """Return a room, and the gates of its provider."""
    gates = Gates()
    return LivingRoom(MemoryEngine(), gates.plugin(), clock=FakeClock()), gates


def test_why_an_operation_waits_or_failed_repeats_no_credential():
    """Neither while it is tried again, nor once it is given up."""

    async def scenario():
        room, gates = gated()
        async with running(room):
            await room.ready()
            gates.fail("prepare_signer", UnavailableError(SAID))
            row = await room.changes.rotate(actor="test", wishes=Wishes())
            await room.until(lambda: room.operation(row.id).error)
            assert "403 for" in room.operation(row.id).error
            assert TOKEN not in stored(room)
            gates.fail("prepare_signer", PermissionDeniedError(SAID, needed=()))
            await room.until(lambda: room.operation(row.id).phase is OperationPhase.FAILED)
            assert "403 for" in room.operation(row.id).reason
            assert TOKEN not in stored(room)

    asyncio.run(scenario())


def test_why_something_is_left_behind_repeats_no_credential():
    """Its row tells what the backend said, and hides what it must not."""

    async def scenario():
        room, gates = gated()
        async with running(room):
            await room.ready()
            gates.fail("retire", UnavailableError(SAID))
            gates.fail("cross_sign", UnavailableError("away"))
            row = await room.changes.rotate(actor="test", wishes=Wishes())
            await room.until(lambda: gates.calls["cross_sign"])
            await room.changes.abort(row.id, actor="test")
            await room.until(lambda: any(one.error for one in leftovers(room.store.snapshot)))
            assert TOKEN not in stored(room)

    asyncio.run(scenario())


def test_a_plan_says_why_a_provider_cannot_be_asked_without_its_credential():
    """Whoever plans reads it on a screen."""

    async def scenario():
        room, gates = gated()
        async with running(room):
            await room.ready()
            gates.fail("probe", UnavailableError(SAID))
            wanted = CASettings(provider="under-test", key=parse_key_spec("rsa", 2048))
            answer = await plan(room.lifecycle.tools, wanted, Wishes(), actor="test")
            assert any("403 for" in blocker for blocker in answer.blockers), answer
            assert TOKEN not in repr(answer)

    asyncio.run(scenario())


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
@pytest.mark.parametrize(
    "error",
    [
        UnavailableError(SAID),
        ProviderError(SAID),
        GuardError(SAID, provider="p", rule="leaf.1"),
    ],
)
def test_an_answer_repeats_no_credential_of_the_backend(error, accept):
    """Anybody who asks for a leaf may see it."""
    body = problem_response(error, accept).body.decode()
    assert "403 for" in body
    assert TOKEN not in body


def test_a_plan_shows_no_value_of_a_key_that_no_schema_has():
    """It may be a secret under a misspelled name, and plans are shown around."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), Registry().get("builtin"), clock=FakeClock())
        async with running(room):
            await room.ready()
            wanted = CASettings(provider="under-test", config={"privat_key": "s3cret"})
            answer = await plan(room.lifecycle.tools, wanted, Wishes(), actor="test")
            assert "config.privat_key: changed" in answer.changes
            assert "s3cret" not in repr(answer)

    asyncio.run(scenario())
