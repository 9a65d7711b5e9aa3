"""However much local programs ask for, the one question of an agent is short enough to be taken."""

from datetime import UTC, datetime, timedelta

import msgspec

from ca_core.acl.grants import KEY_BYTES, new_terms, sealed
from ca_core.agent.cache.views import MOST_LISTS, MOST_UPSTREAMS
from ca_core.agent.destinations import MOST_CHARACTERS
from ca_core.agent.heldtokens import MAX_TOKENS
from ca_core.api.grant_handlers import MAX_GRANTS
from ca_core.api.watch_routes import MOST_ASKED
from ca_core.catalog.viewing import LONGEST_NAME
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.wire.grants import GrantsRequest
from ca_core.wire.intentionlists import ListsRequest
from ca_core.wire.watch import ViewsRequest, WatchRequest

LATEST = 10**12
"""An index that a store reaches after a thousand commits a second for thirty years."""
LONG_AGENT = "spiffe://" + "t" * 255 + "/agent/client/dc/" + "d" * 64 + "/id/" + "n" * 253
EPOCH, DIGEST = "e" * 36, "d" * 64


def longest_grant():
    """Return a grant of the agent with the longest name that one gives to a host."""
    accessor, now = "a" * 36, datetime(2030, 1, 1, tzinfo=UTC)
    return sealed(new_terms(accessor, LONG_AGENT, now, now + timedelta(hours=1)), b"k" * KEY_BYTES)


def test_the_longest_question_is_taken():
    """Tokens, destinations and views, all that an agent holds, with the longest names."""
    views = (ViewKey(ViewKind.CONNECT, f"{n:0{LONGEST_NAME}}") for n in range(MOST_UPSTREAMS))
    lists = (ViewKey(ViewKind.NODE, f"{n:0{LONGEST_NAME}}") for n in range(MOST_LISTS))
    question = WatchRequest(
        roots=LATEST,
        grants=GrantsRequest(grants=(longest_grant(),) * MAX_TOKENS, digest=DIGEST),
        intentions=ListsRequest(held={"x" * MOST_CHARACTERS: LATEST}, epoch=EPOCH),
        views=ViewsRequest(held=dict.fromkeys(map(str, (*views, *lists)), LATEST), epoch=EPOCH),
        registered=DIGEST,
    )
    assert len(msgspec.json.encode(question)) < MOST_ASKED
    assert MAX_TOKENS <= MAX_GRANTS
