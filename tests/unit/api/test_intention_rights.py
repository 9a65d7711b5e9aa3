"""Who may read and write which intention: §5.8 of what Consul publishes, through the handlers."""

import pytest

from ca_core.acl.principal import Anonymous
from ca_core.acl.rights import DefaultPolicy
from ca_core.api.intention_handlers import FILTERED, check, listed, match, one
from ca_core.api.intention_id_handlers import delete as delete_id
from ca_core.api.intention_id_handlers import one as one_id
from ca_core.api.intention_id_handlers import put as put_id
from ca_core.errors import DeniedError
from tests.unit.api.asking import asking
from tests.unit.api.intending import HOLDER, Room, sides

PAIR = "source=web&destination=db"
NOBODY = Anonymous(loopback=True)


def rule(name, policy="deny", intentions=None, kind="service"):
    """Return a rule document on one name."""
    more = f' intentions = "{intentions}"' if intentions else ""
    return f'{kind} "{name}" {{ policy = "{policy}"{more} }}\n'


@pytest.fixture
def room():
    """Return a room where everybody may everything, until a test says otherwise."""
    made = Room()
    yield made
    made.store.close()


async def may(asked):
    """Say whether a request is let through."""
    try:
        await asked
    except DeniedError:
        return False
    return True


READS = {
    "nothing": ("", False),
    "read on the destination": (rule("db", intentions="read"), True),
    "read on the source": (rule("web", intentions="read"), True),
    "read on another": (rule("api", intentions="read"), False),
    "policy read on the destination": (rule("db", "read"), True),
    "write on the source": (rule("web", intentions="write"), True),
}


@pytest.mark.parametrize("case", READS)
async def test_one_is_read_with_a_right_on_either_end(room, case):
    """By name and by id; whoever may read neither end gets 403, and learns nothing."""
    name = await room.create()
    rules, expected = READS[case]
    room.allowing(rules)
    assert await may(room.ask(one, PAIR, principal=HOLDER)) is expected
    assert await may(room.ask(one_id, id=name, principal=HOLDER)) is expected
    assert not await may(room.ask(one, PAIR, principal=NOBODY))
    assert not await may(room.ask(one, "source=a&destination=b", principal=NOBODY))


WRITES = {
    "nothing": ("", False),
    "write on the destination": (rule("db", intentions="write"), True),
    "write on the source": (rule("web", intentions="write"), False),
    "policy write on the destination": (rule("db", "write"), False),
    "read on the destination": (rule("db", intentions="read"), False),
    "write on all": (rule("", intentions="write", kind="service_prefix"), True),
}


@pytest.mark.parametrize("case", WRITES)
async def test_one_is_written_with_a_right_on_the_destination(room, case):
    """Write, create, change and delete, by name and by id; nothing is written without."""
    name = await room.create()
    rules, expected = WRITES[case]
    room.allowing(rules)
    before = room.store.snapshot.index
    body = {"Action": "deny"}
    assert await may(room.put("x", "db", principal=HOLDER)) is expected
    assert await may(room.delete("x", "db", principal=HOLDER)) is expected
    assert await may(room.create(SourceName="y", principal=HOLDER)) is expected
    assert await may(room.ask(put_id, "", body, HOLDER, id=name)) is expected
    assert await may(room.ask(delete_id, id=name, principal=HOLDER)) is expected
    assert (room.store.snapshot.index > before) is expected


WILDCARDS = {
    "any one rule": (rule("other", "read"), "r"),
    "service *": (rule("*", "write", "write"), "r"),
    "prefix *": (rule("*", "write", "write", "service_prefix"), "r"),
    "everything": (rule("", "write", "write", "service_prefix"), "rw"),
    "everything but one": (
        rule("", "write", "write", "service_prefix") + rule("x", "deny"),
        "r",
    ),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", WILDCARDS)
async def test_a_wildcard_is_read_with_any_right_and_written_with_every(room, case):
    """Consul's WildcardACLEnforcement, for every wildcard there is."""
    rules, expected = WILDCARDS[case]
    for destination in ("*", "*/*", "ns/*"):
        room.allowing(rule("", "write", "write", "service_prefix"))
        await room.put("*", destination, principal=HOLDER)
        room.allowing(rules)
        query = f"source=*&destination={destination}"
        assert await may(room.ask(one, query, principal=HOLDER)) is ("r" in expected)
        assert await may(room.put("*", destination, principal=HOLDER)) is ("w" in expected)


async def test_a_rule_on_a_name_gives_nothing_in_another_namespace(room):
    """``ns/db`` is another service than ``db``, and begins with no letter of a service."""
    room.allowing(rule("db", "write", "write") + rule("n", "write", "write", "service_prefix"))
    assert await may(room.put("web", "db", principal=HOLDER))
    assert not await may(room.put("web", "ns/db", principal=HOLDER))
    room.allowing(rule("/ns/", "write", "write", "service_prefix"))
    assert await may(room.put("web", "ns/db", principal=HOLDER))


async def test_a_list_holds_what_may_be_read_and_says_that_more_is_there(room):
    """By either end; an anonymous caller is never told that something was left out."""
    for pair in (("web", "db"), ("api", "cache"), ("web", "cache"), ("*", "*")):
        await room.put(*pair)
    room.allowing(rule("web", intentions="read"))
    response = await listed(room, asking(principal=HOLDER))
    found = await room.ask(listed, principal=HOLDER)
    assert [sides(each) for each in found] == [("web", "cache"), ("web", "db"), ("*", "*")]
    assert response.headers[FILTERED] == "true"
    response = await listed(room, asking(principal=NOBODY))
    assert response.body == b"[]"
    assert FILTERED not in response.headers
    room.allowing(rule("", "read", kind="service_prefix"))
    assert FILTERED not in (await listed(room, asking(principal=HOLDER))).headers


async def test_a_match_needs_the_right_on_each_name(room):
    """One name that may not be read is 403 for all (Match_acl)."""
    await room.put("web", "db")
    room.allowing(rule("db", intentions="read"))
    assert await may(room.ask(match, "by=destination&name=db", principal=HOLDER))
    assert not await may(room.ask(match, "by=destination&name=db&name=api", principal=HOLDER))
    assert not await may(room.ask(match, "by=source&name=web", principal=HOLDER))
    assert not await may(room.ask(match, "by=destination&name=db", principal=NOBODY))


async def test_a_check_needs_the_service_not_the_intentions(room):
    """``service:read`` on the destination, whatever the rule says of intentions (Check_aclDeny)."""
    room.allowing(rule("db", "read", "deny"))
    assert await may(room.ask(check, PAIR, principal=HOLDER))
    room.allowing(rule("db", "deny", "write") + rule("web", "write"))
    assert not await may(room.ask(check, PAIR, principal=HOLDER))


async def test_a_refusal_names_the_right_that_is_missing(room):
    """Whoever is denied knows what to ask for."""
    room.allowing("")
    with pytest.raises(DeniedError, match=r"intention:write.*db"):
        await room.put("web", "db", principal=HOLDER)
    with pytest.raises(DeniedError, match=r"service:read.*db"):
        await room.check("web", "db", principal=HOLDER)


async def test_where_the_default_allows_everybody_reads_and_writes(room):
    """Default policy allow, and no rule against it."""
    room.allowing("", DefaultPolicy.ALLOW)
    assert await may(room.put("web", "db", principal=HOLDER))
    assert await may(room.put("*", "*", principal=HOLDER))
    assert len(await room.ask(listed, principal=HOLDER)) == 2
