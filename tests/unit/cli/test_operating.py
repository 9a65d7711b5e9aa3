"""Tests of `ca rotate`, `renew`, `taint`, `operations`, `abort` and `rollback`."""

import msgspec
import pytest

from ca_core.cli.address import parse_address
from ca_core.cli.client import Client
from ca_core.cli.failures import AnsweredError, UnreachableError
from ca_core.cli.operation_view import change_line
from ca_core.cli.operations import LOST_TRIES, answers, followed
from ca_core.cli.screen import Unseen
from ca_core.wire.operations import OperationAnswer

ROOM = "/v1/connect/ca"
OPERATIONS = f"{ROOM}/operations"
STATUS = "/v1/cluster/ca/status"
MISSING = {
    "Node": "web-1", "SpiffeID": "spiffe://x.consul/agent/web-1", "Reachable": False,
    "Until": "2066-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture
def server(api, operation, plan, monkeypatch):
    """Return a fake API on which every change goes."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    for name in ("rotate", "renew", "taint"):
        api.answer("PUT", f"{ROOM}/{name}", operation(Phase="planned", Kind=name), status=202)
    api.answer("GET", f"{OPERATIONS}/op-1", operation())
    api.answer("GET", f"{ROOM}/settings", {"Settings": {"provider": "builtin"}})
    api.answer("POST", f"{ROOM}/plan", plan(Kind="rotate", Warnings=["db-1 would be left behind"]))
    return api


@pytest.mark.parametrize("name", ["rotate", "renew"])
def test_it_is_done_without_a_question(run, server, name):
    """What is done by itself before an end is nothing to ask about."""
    result = run("ca", name)
    assert result.exit_code == 0
    assert "Done." in result.stdout
    assert server.bodies("PUT", f"{ROOM}/{name}") == [{}]


def test_a_rotation_goes_as_it_was_wished(run, server):
    """Settle, patience and what then are sent."""
    run("ca", "rotate", "--settle", "1h", "--patience", "24h", "--on-deadline", "proceed")
    (body,) = server.bodies("PUT", f"{ROOM}/rotate")
    assert body == {"Settle": "1h", "Patience": "24h", "OnDeadline": "proceed"}


def test_a_rotation_by_force_is_asked_about(run, server):
    """Who cannot be told is named before anything begins."""
    result = run("ca", "rotate", "--force", text=b"n\n")
    assert result.exit_code == 1
    assert "db-1 would be left behind" in result.stdout
    assert server.bodies("POST", f"{ROOM}/plan")[0]["Settings"]["key_bits"] == 256
    assert not server.bodies("PUT", f"{ROOM}/rotate")


def test_taint_explains_itself_and_asks(run, server):
    """The one change without a way back says so first."""
    result = run("ca", "taint", text=b"n\n")
    assert result.exit_code == 1
    assert "There is no way back" in result.stdout
    assert not server.bodies("PUT", f"{ROOM}/taint")


def test_taint_by_force_lists_what_breaks(run, server):
    """With both, the list comes before the question, and yes does it."""
    result = run("ca", "taint", "--force", text=b"yes\n")
    assert result.stdout.index("With --force this breaks") < result.stdout.index("Done.")
    assert server.bodies("PUT", f"{ROOM}/taint") == [{"Force": True}]


def test_an_authority_that_drains_can_be_tainted(run, server, operation):
    """It signs no more, so no operation is needed; it only leaves sooner."""
    server.answer("PUT", f"{ROOM}/taint", operation(ID="", Kind="taint"))
    server.answer("GET", STATUS, {"Authorities": [{"ID": "ca-7"}]})
    result = run("ca", "taint", "ca-7", "--yes")
    assert server.bodies("PUT", f"{ROOM}/taint") == [{"Authority": "ca-7"}]
    assert "leaves every bundle within minutes" in result.stdout.splitlines()[-1]


def test_operations_are_listed_oldest_first(run, server, operation):
    """The newest stands last, where the eye is."""
    older, newer = operation(ID="op-b"), operation(ID="op-a", Phase="aborted", Reason="too slow")
    newer["History"] = [{"Phase": "planned", "At": "2026-11-23T02:00:00Z"}]
    server.answer("GET", OPERATIONS, [newer, older])
    text = run("ca", "operations").stdout
    assert text.index("op-b") < text.index("op-a")
    assert "too slow" in text


def test_without_operations_the_next_step_is_told(run, server):
    """An empty list teaches."""
    server.answer("GET", OPERATIONS, [])
    assert "ca plan" in run("ca", "operations").stdout


def test_one_operation_names_who_is_missing(run, server, operation):
    """The answer to "why does it not go on" stands there, with what happens at the deadline."""
    row = operation(
        Phase="distributed",
        Progress={"Acknowledged": 2, "Missing": [MISSING]},
        WaitsFor="web-1 did not acknowledge the new root",
        Deadline="2066-01-01T00:00:00Z",
        OnDeadline="abort",
    )
    server.answer("GET", f"{OPERATIONS}/op-1", row)
    text = run("ca", "operations", "op-1").stdout
    for words in ("swap op-1", "acknowledged 2 of 3", "web-1 (does not call", "then: abort"):
        assert words in text


def test_one_operation_names_the_readers_that_hold_an_agent_back(run, server, operation):
    """Nobody has to look for them on the host."""
    reader = {"Name": "pid 123", "Until": "2026-11-23T12:03:10Z"}
    held = MISSING | {"Reachable": True, "ReadersBehind": 3, "Readers": [reader]}
    waiting = {"Acknowledged": 2, "Missing": [held]}
    stuck = operation(Phase="distributed", Progress=waiting)
    server.answer("GET", f"{OPERATIONS}/op-1", stuck)
    text = run("ca", "operations", "op-1").stdout
    said = "web-1 (waits for its reader pid 123, at most until 12:03:10 UTC; 2 more readers)"
    assert said in text
    assert change_line(msgspec.convert(stuck, OperationAnswer)).endswith(
        "web-1 waits for its reader pid 123"
    )
    held = MISSING | {"Reachable": True, "ReadersBehind": 1}
    server.answer(
        "GET",
        f"{OPERATIONS}/op-1",
        operation(Phase="distributed", Progress=waiting | {"Missing": [held]}),
    )
    assert "web-1 (waits for 1 more reader)" in run("ca", "operations", "op-1").stdout


def test_a_name_cannot_steer_a_terminal(run, server, operation):
    """Whatever a node is called, no escape sequence reaches the screen."""
    row = operation(Phase="distributed", Progress={"Missing": [MISSING | {"Node": "a\x1b[2Jb"}]})
    server.answer("GET", f"{OPERATIONS}/op-1", row)
    assert "\x1b" not in run("ca", "operations", "op-1").stdout


def test_abort_means_the_open_operation(run, server, operation):
    """Without an ID it is the one that goes on, not the newest that is over."""
    rows = [operation(ID="op-1", Phase="distributed"), operation(ID="op-2")]
    server.answer("GET", OPERATIONS, rows)
    server.answer("PUT", f"{OPERATIONS}/op-1/abort", operation(Phase="aborted"))
    result = run("ca", "abort")
    assert result.exit_code == 0
    assert "everything is as it was before" in result.stdout


def test_nothing_open_is_nothing_to_abort(run, server, operation):
    """It says so, and where the list is."""
    server.answer("GET", OPERATIONS, [operation()])
    result = run("ca", "abort")
    assert result.exit_code == 2
    assert "ca operations" in result.stderr


def test_rolling_back_the_newest_is_asked_about(run, server, operation):
    """What was not named is named in the question."""
    server.answer("GET", OPERATIONS, [operation(CanRollBack=True)])
    server.answer("PUT", f"{OPERATIONS}/op-1/rollback", operation(Phase="rolled_back"))
    refused = run("ca", "rollback", text=b"n\n")
    assert refused.exit_code == 1
    assert "Roll back swap op-1" in refused.stderr
    assert not server.bodies("PUT", f"{OPERATIONS}/op-1/rollback")
    assert "the former signer (builtin) signs again" in run("ca", "rollback", "--yes").stdout


def test_the_same_words_twice_roll_back_one_change(run, server, operation):
    """An older change is undone only by its name."""
    active = [{"Phase": "active", "At": "2030-01-01T00:00:00Z"}]
    older = operation(ID="op-0", Phase="active", History=active, CanRollBack=True)
    undone = operation(Phase="rolled_back", History=active, CanRollBack=False)
    server.answer("GET", OPERATIONS, [older, undone])
    refused = run("ca", "rollback", "--yes")
    assert refused.exit_code == 2
    assert "op-1 is rolled_back" in refused.stderr
    assert not server.bodies("PUT", f"{OPERATIONS}/op-0/rollback")


def test_settings_that_are_rolled_back_change_no_signer(run, server, operation):
    """What is said is what happened."""
    row = operation(Kind="settings", Phase="rolled_back", NewSigner="s-1")
    server.answer("PUT", f"{OPERATIONS}/op-1/rollback", row)
    assert "the former configuration stands again" in run("ca", "rollback", "op-1").stdout


def test_a_tainted_root_is_not_said_to_stay(run, server, operation):
    """After a taint the farewell names what happens to the old root, not the usual."""
    server.answer("GET", f"{OPERATIONS}/op-1", operation(Kind="taint", CanRollBack=False))
    text = run("ca", "taint", "--yes").stdout
    assert "stays trusted" not in text
    assert "the old root leaves every bundle" in text


def test_an_operation_s_name_cannot_leave_its_place(run, server):
    """What is typed becomes one part of the path."""
    run("ca", "abort", "../../x?y")
    (_, path, *_) = server.requests[-1]
    assert path == f"{OPERATIONS}/..%2F..%2Fx%3Fy/abort"


def test_a_server_that_restarts_is_waited_for(server, operation):
    """A lease holder that dies does not end the view of an operation that goes on."""
    asked = []

    def ask(index):
        asked.append(index)
        if len(asked) == 2:
            raise UnreachableError("there", "refused", hint="")
        if len(asked) == 3:
            raise AnsweredError("starting", status=503)
        with Client(parse_address(server.url)) as client:
            return client.get(f"{OPERATIONS}/op-1")

    server.answer("GET", f"{OPERATIONS}/op-1", operation(), headers={"X-Consul-Index": "7"})
    naps = []
    found = answers(ask, naps.append)
    assert [next(found).index, next(found).index] == [7, 7]
    assert asked == [0, 7, 0, 0]
    assert sum(naps) >= 2


def test_a_server_that_stays_away_is_not_waited_for_ever():
    """After a minute the error is told."""

    def ask(_):
        raise UnreachableError("there", "refused", hint="")

    naps = []
    with pytest.raises(UnreachableError):
        next(answers(ask, naps.append))
    assert len(naps) == LOST_TRIES


def test_what_is_gone_is_not_waited_for(server):
    """An answer that trying again does not change ends it at once."""
    server.answer("GET", f"{OPERATIONS}/op-1", b"no", status=404)
    naps = []
    with Client(parse_address(server.url)) as client, pytest.raises(AnsweredError):
        followed(client, "op-1", Unseen(), naps.append)
    assert naps == []


LEFT = {
    "Key": "ca-0", "Authority": "ca-0", "Signer": "", "Since": "2026-01-01T00:00:00Z",
    "Error": "no route to host",
}  # fmt: skip


@pytest.mark.parametrize("words", [("taint", "ca-9"), ("abandon", "ca-9")])
def test_what_is_not_there_is_not_asked_about(run, server, words):
    """Nobody says yes to something and hears only then that it does not exist."""
    server.answer("GET", STATUS, {"Authorities": [{"ID": "ca-7"}], "Leftovers": [LEFT]})
    result = run("ca", *words, text=b"y\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'ca-9'" in result.stderr
    assert not [request for request in server.requests if request[0] == "PUT"]


def test_who_may_not_look_is_answered_by_the_change(run, server):
    """A right to change comes without the right to read."""
    server.answer("GET", STATUS, b"Permission denied", status=403)
    assert run("ca", "taint", "ca-7", "--yes").exit_code == 0
    assert server.bodies("PUT", f"{ROOM}/taint") == [{"Authority": "ca-7"}]


def test_what_is_given_up_is_asked_about(run, server):
    """It stays in its backend for ever, and nobody knows of it any more."""
    server.answer("GET", STATUS, {"Authorities": [], "Leftovers": [LEFT]})
    server.answer("PUT", f"{ROOM}/abandon", LEFT)
    assert run("ca", "abandon", "ca-0", text=b"n\n").exit_code == 1
    assert not server.bodies("PUT", f"{ROOM}/abandon")
    result = run("ca", "abandon", "ca-0", "--yes")
    assert result.exit_code == 0
    assert "no route to host" in result.stdout
    assert server.bodies("PUT", f"{ROOM}/abandon") == [{"Key": "ca-0"}]
