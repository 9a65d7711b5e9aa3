"""Agents are told the lists they do not hold: all of them, and none else."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.api import intentionlists
from ca_core.api.intentionlists import MOST_NAMES
from ca_core.errors import ProviderError, RequestError
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.index import Index
from ca_core.intentions.lists import (
    MISUNDERSTOOD,
    default_text,
    gone,
    intentions_in,
    name_of,
    parsed_default,
)
from ca_core.intentions.model import Name, Verdict
from ca_core.wire.intentionlists import DestinationList, ListsAnswer, ListsRequest
from tests.unit.api.intending import Room
from tests.unit.api.listing import current_lists

ALL = {"default/db": 0, "default/*": 0, "*/*": 0}


def held_by(answer):
    """Return what an agent holds after an answer."""
    return {each.destination: each.index for each in answer.lists}


def question(held, answer=None, wait="0s"):
    """Return what an agent asks that holds this, and the rest of an answer."""
    rest = {} if answer is None else {"epoch": answer.epoch, "default": answer.default}
    return ListsRequest(held=held, wait=wait, **rest)


def ran(scenario, **options):
    """Run a scenario with a server's room."""

    async def whole():
        room = Room(**options)
        try:
            await scenario(room)
        finally:
            room.store.close()

    asyncio.run(whole())


def test_an_agent_that_holds_nothing_is_told_every_list():
    """Each is that of exactly this destination; an empty one is a list too."""

    async def scenario(room):
        await room.put("web", "db")
        await room.put("*", "*", Action="deny")
        await room.put("web", "other")
        answer = await current_lists(room, question(ALL, wait="60s"))
        assert {one.destination: list(one.sources) for one in answer.lists} == {
            "default/db": ["default/web"],
            "default/*": ["default/*"],
            "*/*": [],
        }
        assert answer.default == "allow acl_default"
        assert all(one.index >= 1 for one in answer.lists)

    ran(scenario)


def test_what_it_holds_is_not_told_again():
    """Only the list that changed is, with all of it."""

    async def scenario(room):
        await room.put("web", "db")
        first = await current_lists(room, question(ALL))
        assert (await current_lists(room, question(held_by(first), first))).lists == ()
        await room.put("api", "db")
        await room.put("api", "other")
        second = await current_lists(room, question(held_by(first), first))
        assert [sorted(one.sources) for one in second.lists] == [["default/api", "default/web"]]
        await room.delete("web", "db")
        await room.delete("api", "db")
        third = await current_lists(room, question(held_by(first) | held_by(second), first))
        assert [dict(one.sources) for one in third.lists] == [{}]

    ran(scenario)


def test_it_waits_for_news_and_unrelated_writes_do_not_wake_it():
    """TestIntentionMatch_BlockOnNoChange, for a list that is empty and for one that is not."""

    async def scenario(room):
        for _ in range(2):
            first = await current_lists(room, question(ALL))
            asked = question(held_by(first), first, wait="60s")
            waiting = asyncio.create_task(current_lists(room, asked))
            for name in ("x", "y", "z"):
                await room.put("web", name)
            await room.put("db", "api")
            await asyncio.sleep(0.01)
            assert not waiting.done()
            await room.put("api", "db", Description=str(first.lists[0].index))
            assert [one.destination for one in (await waiting).lists] == ["default/db"]

    ran(scenario)


def test_another_epoch_or_default_is_answered_at_once():
    """Indexes of another epoch mean nothing; a default is a part of every decision."""

    async def scenario(room):
        first = await current_lists(room, question(ALL))
        held = held_by(first)
        other = ListsRequest(held=held, epoch="other", default=first.default, wait="60s")
        assert len((await current_lists(room, other)).lists) == 3
        room.intentions.set_default(Default(allowed=False, why=Why.DEFAULT))
        answer = await current_lists(room, question(held, first, wait="60s"))
        assert (answer.lists, answer.default) == ((), "deny default")

    ran(scenario)


def test_a_large_answer_comes_in_parts(monkeypatch):
    """What is too much for one is in the next; at least one list is in each."""
    monkeypatch.setattr(intentionlists, "ENOUGH_BYTES", 1)

    async def scenario(room):
        for name in ("a", "b", "c"):
            await room.put("web", name)
        held, answer, parts = {f"default/{name}": 0 for name in "abc"}, None, []
        while (answer := await current_lists(room, question(held, answer))).lists:
            held |= held_by(answer)
            parts.append(len(answer.lists))
        assert parts == [1, 1, 1]

    ran(scenario)


@pytest.mark.parametrize(
    "held",
    [
        {"db": 0},
        {"default/d b": 0},
        {"*/db": 0},
        {"default/db/": 0},
        {"a/b/c/d": 0},
        {"": 0},
        {f"default/n{number}": 0 for number in range(MOST_NAMES + 1)},
    ],
)
def test_what_is_no_destination_is_refused(held):
    """Names are written as ns/svc; their number is bounded."""

    async def scenario(room):
        with pytest.raises(RequestError):
            await current_lists(room, question(held))

    ran(scenario)


def test_an_agent_reads_what_the_server_wrote():
    """Permissions, texts and times come through unchanged; another agent's list is another one."""
    get = {"Action": "allow", "HTTP": {"PathPrefix": "/v1/", "Methods": ["GET"]}}

    async def scenario(room):
        await room.put("web", "db", Permissions=[get], Description="why", Meta={"a": "b"})
        await room.put("*", "db", Action="deny", Observe=True)
        answer = await current_lists(room, question({"default/db": 0}))
        told = msgspec.json.decode(msgspec.json.encode(answer), type=ListsAnswer)
        found = sorted(intentions_in(told.lists[0]), key=lambda one: one.order)
        assert tuple(found) == room.intentions.index.to_destination(Name("default", "db"))
        index = Index.of(found)
        assert list(gone(index, told)) == []
        fewer = DestinationList(destination="default/db", index=9, sources={})
        assert len(list(gone(index, ListsAnswer(epoch="", default="", lists=(fewer,))))) == 2

    ran(scenario)


@pytest.mark.parametrize(
    "row",
    [
        b'{"action":"allow","jwt":{"providers":[]}}',
        b'{"permissions":[{"action":"allow","http":{"match":"any","jwt":1}}]}',
        b'{"action":"maybe"}',
        b"[]",
        b'{"action":"allow","observe":false,"later":true}',
    ],
)
def test_what_a_newer_server_wrote_is_a_denial_here(row):
    """A condition that nobody looks at must not be dropped."""
    found = DestinationList(
        destination="default/db", index=1, sources={"default/web": msgspec.Raw(row)}
    )
    (one,) = intentions_in(found)
    assert (one.action, one.observe, one.description) == (Verdict.DENY, False, MISUNDERSTOOD)


def test_what_an_older_server_wrote_is_understood():
    """Fields that it did not know have their defaults."""
    row = msgspec.Raw(b'{"action":"allow","permissions":[],"later":null}')
    found = DestinationList(destination="default/db", index=1, sources={"default/web": row})
    (one,) = intentions_in(found)
    assert one.action is Verdict.ALLOW


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_a_name_of_a_server_is_one_or_an_error(text):
    """No text makes a name with a blank or another number of parts."""
    try:
        found = name_of(text)
    except ProviderError:
        return
    assert str(found) == text
    assert " " not in text


@pytest.mark.parametrize(
    "default", [Default(allowed=True), Default(allowed=False, why=Why.DEFAULT)]
)
def test_defaults_come_through(default):
    """And what is none is an error."""
    assert parsed_default(default_text(default)) == default
    for text in ("", "allow", "allow x", "maybe default"):
        with pytest.raises(ProviderError):
            parsed_default(text)
