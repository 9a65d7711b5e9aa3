"""Copies of a raw configuration, and what its schema hides."""

from typing import Annotated

import msgspec

from ca_core.contract import Secret, json_schema
from ca_core.testing.conformance.rawconfig import copied, secrets_of


class Login(msgspec.Struct):
    """How to log in."""

    type: str
    secret_id: Secret | None = None


class Config(msgspec.Struct):
    """Secrets at the top, below, and in a list."""

    address: Annotated[str, msgspec.Meta(description="of the backend")] = ""
    token: Secret | None = None
    login: Login | None = None
    spares: list[Secret] = []


RAW = {
    "address": "http://localhost",
    "token": "t-1",
    "login": {"type": "approle", "secret_id": "s-1"},
    "spares": ["p-1", "p-2"],
}


def test_a_copy_shares_no_mapping_and_no_list():
    """Changing the copy at any depth leaves the original alone."""
    copy = copied(RAW)
    assert copy == RAW
    copy["login"]["type"] = "token"
    copy["spares"].append("p-3")
    assert RAW["login"]["type"] == "approle"
    assert RAW["spares"] == ["p-1", "p-2"]


def test_marked_texts_are_found_at_any_depth_and_no_others():
    """What is not marked is no secret: an address may stand in a log."""
    assert set(secrets_of(json_schema(Config), RAW)) == {"t-1", "s-1", "p-1", "p-2"}


def test_nothing_is_hidden_without_a_schema():
    """A provider without a schema marks nothing."""
    assert secrets_of(None, RAW) == ()


def test_an_empty_text_is_no_secret():
    """It would be found in every text there is."""
    assert secrets_of(json_schema(Config), {"token": ""}) == ()
