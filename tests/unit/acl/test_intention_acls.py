"""Consul's table of who may read and write which intention (TestIntention_ACLs)."""

import pytest

from ca_core.acl.access import Action
from ca_core.acl.documents import parse_document
from ca_core.acl.rights import Chain, Rights

PAIR, ALL = ("web", "db"), ("*", "*")

TABLE = {
    "all denied": ("", PAIR, ""),
    "destination intentions read": ('service "db" { @ "read" }', PAIR, "r"),
    "source intentions read": ('service "web" { @ "read" }', PAIR, "r"),
    "destination intentions write": ('service "db" { @ "write" }', PAIR, "rw"),
    "source intentions write": ('service "web" { @ "write" }', PAIR, "r"),
    "destination policy write": ('service "db" { policy = "write" }', PAIR, "r"),
    "destination policy deny": ('service "db" { policy = "deny" }', PAIR, ""),
    "wildcard, service '*' write": ('service "*" { @ "write" }', ALL, "r"),
    "wildcard, prefix '*' write": ('service_prefix "*" { @ "write" }', ALL, "r"),
    "wildcard, prefix '' write": ('service_prefix "" { @ "write" }', ALL, "rw"),
    "wildcard, all but one": (
        'service_prefix "" { @ "write" } service "x" { policy = "write" }',
        ALL,
        "r",
    ),
    "wildcard, any read rule": ('service "other" { policy = "read" }', ALL, "r"),
    "wildcard, any prefix read rule": ('service_prefix "o" { policy = "read" }', ALL, "r"),
    "wildcard, all names denied": ('service_prefix "" { policy = "deny" }', ALL, ""),
}


@pytest.mark.parametrize("case", TABLE)
def test_an_intention_is_read_from_both_ends_and_written_by_its_destination(case):
    """Read with a right on source or destination; written with one on the destination."""
    document, ends, expected = TABLE[case]
    text = document.replace("@", 'policy = "deny" intentions =')
    may = Chain(Rights(parse_document(text))).allows
    reads = any(may(Action.INTENTION_READ, name) for name in ends)
    writes = may(Action.INTENTION_WRITE, ends[1])
    assert "r" * reads + "w" * writes == expected
