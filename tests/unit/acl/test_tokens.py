"""Tokens as rows: found by accessor or secret, expired, and what they may."""

import re
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.access import Action
from ca_core.acl.policies import MANAGEMENT_ID, READ_ONLY_ID
from ca_core.acl.rights import Rights
from ca_core.acl.tokens import (
    ANONYMOUS,
    ANONYMOUS_ACCESSOR,
    TokenRow,
    expired_tokens,
    new_id,
    new_secret,
    rules_of_token,
    secret_hash,
    token,
    token_by_secret,
    tokens,
)
from ca_core.state.rows import decoded, encoded
from ca_core.testing.clock import START
from tests.unit.acl.stored import policy_row, token_row, view_of

LATER = START + timedelta(hours=1)
EMPTY = view_of()


def test_a_token_is_found_by_accessor_and_by_secret():
    """Both lead to the same row; an accessor's case does not matter, a secret's does."""
    row = token_row("ab", created=START)
    view = view_of(row, token_row("cd"))
    assert token(view, "ab", START) == token(view, "AB", START) == row
    assert token_by_secret(view, "secret of ab", START) == row
    assert token_by_secret(view, "SECRET OF AB", START) is None


@pytest.mark.parametrize("secret", ["", "x", "ab", "allow", "deny", "manage", "\ud800", "\0"])
def test_an_unknown_secret_finds_nothing(secret):
    """No word opens anything, an accessor neither, and no text is an error."""
    assert token_by_secret(view_of(token_row("ab")), secret, START) is None


def test_the_digest_is_not_the_secret():
    """Whoever reads the store cannot present what is in it."""
    row = token_row("ab")
    assert token_by_secret(view_of(row), row.secret_hash, START) is None


def test_an_expired_token_is_as_one_that_never_was():
    """At its end, to the microsecond, it is gone for everybody but the sweeper."""
    row = token_row("ab", expires=LATER)
    view = view_of(row, token_row("cd"))
    before = LATER - timedelta(microseconds=1)
    assert token(view, "ab", before) == token_by_secret(view, "secret of ab", before) == row
    assert token(view, "ab", LATER) is token_by_secret(view, "secret of ab", LATER) is None
    assert row in tokens(view, before)
    assert row not in tokens(view, LATER)
    assert expired_tokens(view, before) == ()
    assert expired_tokens(view, LATER) == (row,)


def test_the_anonymous_token_is_always_there():
    """Before anybody wrote it, it exists and may nothing; once written, it is what was written."""
    assert token(EMPTY, ANONYMOUS_ACCESSOR, START) == ANONYMOUS
    assert token_by_secret(EMPTY, "anonymous", START) == ANONYMOUS
    assert tokens(EMPTY, START) == (ANONYMOUS,)
    assert rules_of_token(EMPTY, ANONYMOUS) == ()
    written = msgspec.structs.replace(ANONYMOUS, policies=(READ_ONLY_ID,))
    view = view_of(written)
    assert token(view, ANONYMOUS_ACCESSOR, START) == written
    assert token_by_secret(view, "anonymous", START) == written
    assert tokens(view, START) == (written,)


def test_tokens_are_listed_by_age():
    """The oldest first; the anonymous one, which nobody made, before all."""
    rows = [token_row(name, created=START - timedelta(days=n)) for n, name in enumerate("abc")]
    assert tokens(view_of(*rows), START) == (ANONYMOUS, *reversed(rows))


def test_a_token_may_what_its_policies_and_identities_say_together():
    """Several policies, service and node identities add up; one that is gone gives nothing."""
    row = token_row(
        "ab",
        policies=("id-db", "gone", READ_ONLY_ID),
        service_identities=("web",),
        node_identities=("n1",),
    )
    view = view_of(row, policy_row("db", 'service "db" { policy = "write" }'))
    rights = Rights(rules_of_token(view, row))
    allowed = [(Action.SERVICE_WRITE, name) for name in ("db", "web", "web-sidecar-proxy")]
    allowed += [(Action.NODE_WRITE, "n1"), (Action.OPERATOR_READ, ""), (Action.ACL_READ, "")]
    assert all(rights.allows(*asked) is True for asked in allowed)
    refused = [(Action.SERVICE_WRITE, "api"), (Action.NODE_WRITE, "n2"), (Action.ACL_WRITE, "")]
    assert all(rights.allows(*asked) is False for asked in refused)


def test_management_is_a_policy_like_any():
    """A token with the builtin policy may everything."""
    row = token_row("ab", policies=(MANAGEMENT_ID,))
    rights = Rights(rules_of_token(EMPTY, row))
    assert all(rights.allows(action, "x") is True for action in Action)


def test_a_secret_is_128_random_bits_shaped_as_a_uuid():
    """Every bit that was drawn is in it, none is fixed."""
    for content in (bytes(16), b"\xff" * 16, bytes(range(16))):
        drawn = new_secret(lambda size, content=content: content[:size])
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", drawn)
        assert bytes.fromhex(drawn.replace("-", "")) == content


def test_an_id_is_a_version_4_uuid():
    """What is public may lose six bits to say what it is."""
    assert new_id(bytes) == "00000000-0000-4000-8000-000000000000"


def test_a_digest_is_sha256_of_the_text():
    """Any program can tell whether a secret is the one that is stored."""
    expected = "2f183a4e64493af3f377f745eda502363cd3e7ef6e4d266d444758de0a85fcc8"
    assert secret_hash("anonymous") == expected


def test_a_row_survives_the_store():
    """What is written is what is read, and what an older program wrote has defaults."""
    row = token_row("ab", policies=("x",), expires=LATER, created=START, method="jwt")
    assert decoded(TokenRow, encoded(row)) == row
    assert decoded(TokenRow, b'{"accessor":"a","secret_hash":"h","later":1}').policies == ()
