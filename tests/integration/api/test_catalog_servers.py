"""The catalog of two servers: told to one over TLS, seen at both, whichever of them lives."""

from datetime import timedelta

import pytest

from ca_core.agent.services.definitions import Registration
from ca_core.catalog.commits import removed
from ca_core.catalog.rows import HEARING, SERVICES, HearingRow
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import RequestError
from ca_core.state.rows import read
from ca_core.wire.catalog import CheckStatus, Connect, Service
from tests.integration.api.twoservers import two_servers, until
from tests.unit.catalog.registering import instance, native, state

WEB = ViewKey(ViewKind.CONNECT, "web")


SERVICE = Service(id="web-1", service="web", port=8443, connect=Connect(native=True))


async def test_what_is_registered_outlives_the_server_that_it_was_told_to(tmp_path):
    """The agent moves to the other one; nobody who looks at its services notices."""
    async with two_servers(tmp_path) as mesh:
        one, other = mesh.servers
        views, store = other.server.room.views, other.server.store
        await mesh.agent.services.register([Registration(service=SERVICE)])
        await until(lambda: "n1 web-1" in store.snapshot.table(SERVICES))
        before = await views.get(WEB, wait=timedelta())
        (row,) = before.value
        assert row.node.node == "n1"
        assert row.checks[0].status is CheckStatus.PASSING

        def hearer():
            return read(store.snapshot, HearingRow, HEARING, "n1").server

        assert hearer() == "server-a"
        await one.kill()
        await until(lambda: hearer() == "server-b")
        assert await views.get(WEB, wait=timedelta()) == before


async def test_what_a_server_lost_is_told_again(tmp_path):
    """Somebody took the node out; its agent notices, and need not be asked."""
    async with two_servers(tmp_path) as mesh:
        room = mesh.servers[1].server.room
        await mesh.agent.services.register([Registration(service=SERVICE)])
        await until(lambda: "n1 web-1" in held_now(room))
        await room.store.until_nothing(lambda view: removed(room.catalog.following.at(view), "n1"))
        await until(lambda: "n1 web-1" in held_now(room))


async def test_a_state_that_cannot_be_is_refused_over_the_wire(tmp_path):
    """With the place, as a request error; the agent does not take it for an outage."""
    async with two_servers(tmp_path) as mesh:
        with pytest.raises(RequestError, match=r"Services\[0\]\.Service\.Port"):
            await mesh.remote.registered(state(instance(port=70_000)))
        assert (await mesh.remote.registered(state(native()))).refused == ()


def held_now(room):
    """Return the instances that are stored."""
    return room.store.snapshot.table(SERVICES)
