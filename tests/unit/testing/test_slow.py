"""The slow provider: what it stores before it waits, and what it does with or without its token."""

import dataclasses
from contextlib import suppress
from datetime import timedelta

import pytest

from ca_core.contract import PendingError, SignerUnknownError, UnavailableError
from ca_core.testing import FaultyStore, Moment, SlowBackend, provider_context, slow_plugin
from ca_core.testing.slow_backend import TOKEN_LIFE
from tests.unit.providers.world import World


def pending(method, request):
    """Return the PendingError of a call that must not be answered yet."""
    with pytest.raises(PendingError) as raised:
        method(request)
    return raised.value


def test_everything_that_makes_something_answers_later():
    """Authority, signer and leaf are each pending at least once."""
    world = World("slow")
    server = world.server()
    asked = 0

    def counted(method):
        def call(request):
            nonlocal asked
            try:
                return method(request)
            except PendingError:
                asked += 1
                raise

        return call

    for name in ("ensure_authority", "prepare_signer", "sign_leaf"):
        setattr(server, name, counted(getattr(server, name)))
    world.ensure(server)
    after_authority = asked
    world.prepare(server)
    after_signer = asked
    world.sign(server)
    assert 0 < after_authority < after_signer < asked


def test_the_name_is_stored_before_the_wait():
    """When the first PendingError leaves, idempotency token and ARN stand in the state."""
    world = World("slow")
    server = world.server()
    request = world.authority_request()
    error = pending(server.ensure_authority, request)
    assert world.state.get("authority/a1/root/arn") == error.token
    assert world.state.get("authority/a1/root/token")
    assert error.poll_after > timedelta()


def test_a_new_object_continues_with_and_without_the_token():
    """The state alone leads to the CA that is under way; the token is a convenience."""
    for with_token in (True, False):
        world = World("slow")
        request = world.authority_request()
        error = pending(world.server().ensure_authority, request)
        again = dataclasses.replace(request, pending=error.token if with_token else None)
        chain = world.call(world.server().ensure_authority, again)
        assert world.slow.made == 1
        assert world.server().trust_chain() == chain


def test_a_ca_whose_name_was_never_stored_is_found_by_its_tag():
    """Killed between request and storing, after the idempotency token died: still one CA."""
    world = World("slow")
    server = world.server()
    pending(server.ensure_authority, world.authority_request())
    world.state.replace("authority/a1/root/arn", world.state.get("authority/a1/root/arn"), None)
    world.clock.advance(TOKEN_LIFE * 2)
    world.ensure(world.server())
    assert world.slow.made == 1


def test_a_leaf_is_fetched_by_its_token():
    """With the token the same leaf comes back; after the token is lost for good, another one."""
    world = World("slow")
    server = world.started()
    request = world.leaf_request()
    token = pending(server.sign_leaf, request).token
    continued = dataclasses.replace(request, pending=token)
    leaf = world.call(world.server().sign_leaf, continued)
    assert world.call(server.sign_leaf, request) == leaf
    world.clock.advance(TOKEN_LIFE * 2)
    assert world.call(server.sign_leaf, request) != leaf


def test_a_signer_that_is_not_ready_signs_nothing():
    """Between request and answer the signer's id is unknown."""
    world = World("slow")
    server = world.server()
    world.ensure(server)
    pending(server.prepare_signer, world.signer_request())
    with pytest.raises(SignerUnknownError):
        world.sign(server)


def test_waiting_can_be_driven_by_the_clock_alone():
    """With a delay and no polls, time makes the answer ready, not the number of questions."""
    world = World("slow")
    world.slow = SlowBackend(world.clock, polls=0, delay=timedelta(seconds=10))
    server = world.server()
    request = world.authority_request()
    for _ in range(3):
        pending(server.ensure_authority, request)
    world.clock.advance(timedelta(seconds=10))
    pending(server.ensure_authority, request)
    world.clock.advance(timedelta(seconds=10))
    assert server.ensure_authority(request) == server.trust_chain()


def test_a_store_that_fails_deletes_no_ca():
    """Only a retirement takes a CA back; a store that cannot be read says nothing of one."""
    world = World("slow")
    whole, number = False, 0
    while not whole:
        number += 1
        store = FaultyStore(world.state, world.secrets)
        store.fail(Moment(number, reads=True))
        context = provider_context(
            "a1", state=store.state, secrets=store.secrets, clock=world.clock
        )
        server = slow_plugin(world.slow).open({}, context)
        with suppress(UnavailableError, PendingError):
            server.ensure_authority(world.authority_request())
        whole = not store.reached
    world.ensure(world.server())
    assert world.slow.made == 1
