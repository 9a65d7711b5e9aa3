"""Rows and entries as Consul exports them: the same intentions, and clear refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.intentions.exported import exported_entry, exported_row
from ca_core.intentions.model import Name, PathMatch, Verdict

ROW = {
    "ID": "9e1bd2b0-6d0e-4c53-9d1f-25aca8b0ae3b", "Description": "why", "SourceNS": "default",
    "SourcePartition": "default", "SourceName": "web", "DestinationNS": "default",
    "DestinationPartition": "default", "DestinationName": "db", "SourceType": "consul",
    "Action": "allow", "DefaultAddr": "", "DefaultPort": 0, "Meta": {"a": "b"}, "Precedence": 9,
    "CreatedAt": "2018-05-21T16:41:27.977155457Z", "UpdatedAt": "2018-05-21T16:41:27.977157724Z",
    "Hash": "o4SeZyF6UQ==", "CreateIndex": 11, "ModifyIndex": 12,
}  # fmt: skip
"""A row of `GET /v1/connect/intentions`, as Consul answers one that was migrated."""

SOURCE = {"Name": "web", "Action": "allow", "Precedence": 9, "Type": "consul"}
ENTRY = {
    "Kind": "service-intentions", "Name": "db", "Sources": [SOURCE], "Meta": {"a": "b"},
    "Hash": 17, "CreateIndex": 11, "ModifyIndex": 12,
}  # fmt: skip
PERMISSION = {"Action": "deny", "HTTP": {"PathPrefix": "/admin", "Methods": ["GET"]}}


def entry(**changes):
    """Return the rows of an entry with other keys."""
    return list(exported_entry(ENTRY | changes))


def source(**changes):
    """Return the one row of an entry whose source has other keys."""
    (row,) = entry(Sources=[SOURCE | changes])
    return row


def test_a_row_of_the_list_is_the_intention_it_shows():
    """What is read-only there says nothing here; id and times are not taken over."""
    found = exported_row(ROW)
    assert found.refusal == ""
    assert (found.source, found.destination) == ("web", "db")
    assert found.intention.source == Name("default", "web")
    assert found.intention.destination == Name("default", "db")
    assert found.intention.action is Verdict.ALLOW
    assert (found.intention.description, dict(found.intention.meta)) == ("why", {"a": "b"})
    assert (found.intention.id, found.intention.created) == ("", None)


def test_an_entry_says_the_same_as_the_rows_made_of_it():
    """Lists and config entries of one cluster are the same intentions."""
    row = exported_row(ROW | {"Description": ""})
    assert entry() == [row]


def test_every_source_of_an_entry_is_a_row():
    """In the order written; wildcards are names too."""
    rows = entry(Name="*", Sources=[SOURCE, {"Name": "*", "Namespace": "ns", "Action": "deny"}])
    assert [(row.source, row.destination) for row in rows] == [("web", "*"), ("ns/*", "*")]
    assert [row.intention.action for row in rows] == [Verdict.ALLOW, Verdict.DENY]


def test_keys_of_files_say_the_same_as_keys_of_answers():
    """`legacy_meta` and `LegacyMeta`, at every depth."""
    spelled = {
        "kind": "service-intentions",
        "name": "db",
        "sources": [
            {
                "name": "web",
                "legacy_meta": {"Snake_Case": "stays"},
                "permissions": [
                    {"action": "deny", "http": {"path_prefix": "/a", "header": [
                        {"name": "x", "exact": "Y", "ignore_case": True},
                    ]}},
                ],
            }
        ],
    }  # fmt: skip
    (row,) = exported_entry(spelled)
    assert dict(row.intention.meta) == {"Snake_Case": "stays"}
    (permission,) = row.intention.permissions
    assert (permission.http.match, permission.http.path) == (PathMatch.PREFIX, "/a")
    assert permission.http.headers[0].ignore_case


def test_the_meta_data_of_an_entry_belong_to_its_sources():
    """What a source had before it was migrated goes first."""
    assert dict(source().intention.meta) == {"a": "b"}
    assert dict(source(LegacyMeta={"c": "d"}).intention.meta) == {"c": "d"}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"Peer": "east"}, "SourcePeer: is not supported: peers are not served"),
        ({"SamenessGroup": "all"}, "SourceSamenessGroup: is not supported: there are none"),
        ({"Partition": "p2"}, "SourceName: partition 'p2' is not served, only 'default'"),
        ({"Type": "external"}, "SourceType: must be set to 'consul'"),
        ({"Action": "maybe"}, "Action: must be set to 'allow' or 'deny'"),
        ({"Action": "", "Permissions": [PERMISSION | {"JWT": {"Providers": []}}]}, "JWT: is not"),
        ({"Name": ""}, "SourceName: Name is required"),
        ({"Name": 7}, "Expected `str`"),
        ({"Unheard": 1}, "unheard"),
        ({"name": "web"}, "Name: is there twice, in two spellings"),
    ],
)
def test_what_is_not_served_is_refused_by_its_field(changes, refusal):
    """One sentence; nothing is taken without what it asks for."""
    row = source(**changes)
    assert row.intention is None
    assert refusal in row.refusal
    assert row.pair is None or not {"Peer", "SamenessGroup"} & set(changes)


def test_a_requirement_on_jwts_refuses_every_source_of_its_entry():
    """Without it the destination would be open to callers that it asked to prove themselves."""
    rows = entry(JWT={"Providers": [{"Name": "okta"}]}, Sources=[SOURCE, SOURCE | {"Name": "api"}])
    assert [row.refusal.split(":")[0] for row in rows] == ["JWT", "JWT"]
    assert [row.pair[0].name for row in rows] == ["web", "api"]


@pytest.mark.parametrize("sources", [None, [], "web", {"Name": "web"}])
def test_an_entry_without_sources_is_one_refusal(sources):
    """It says nothing, and is not passed over in silence."""
    (row,) = entry(Sources=sources)
    assert row.refusal == "Sources: there are none"


def test_a_source_that_is_no_object_does_not_stop_the_others():
    """The others are read."""
    assert [bool(row.intention) for row in entry(Sources=["web", SOURCE])] == [False, True]


TWO_SPELLINGS = {
    "an action": {"Sources": [SOURCE | {"Action": "deny", "action": "allow"}]},
    "sources": {"Sources": [SOURCE | {"Action": "deny"}], "sources": [SOURCE]},
    "a destination": {"name": "api"},
    "a path": {
        "Sources": [
            {
                "Name": "web",
                "Permissions": [
                    {"Action": "allow", "HTTP": {"PathExact": "/a", "path_exact": "/b"}}
                ],
            }
        ]
    },
}


@pytest.mark.parametrize("case", TWO_SPELLINGS)
def test_a_key_in_two_spellings_is_refused(case):
    """Nobody knows which of the two Consul took; guessing could turn a denial around."""
    (row,) = entry(**TWO_SPELLINGS[case])
    assert row.intention is None
    assert "is there twice, in two spellings" in row.refusal


def test_a_name_is_shown_as_it_stands_there_although_it_cannot_be_one():
    """The line of a refusal names the row."""
    row = source(Peer="east", Namespace="ns")
    assert (row.source, row.destination) == ("peer:east/ns/web", "db")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ROW, *SOURCE, *ENTRY, "Permissions", "HTTP", "JWT", "peer"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*ROW, *ENTRY]), JSON, max_size=5))
def test_whatever_an_export_holds_is_taken_or_refused(document):
    """No other end; a refusal has a reason."""
    for row in (exported_row(document), *exported_entry(document)):
        assert (row.intention is None) == bool(row.refusal)
