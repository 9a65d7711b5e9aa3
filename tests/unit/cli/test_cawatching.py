"""Tests of `ca status --watch`."""

import json

import pytest

from ca_core.cli.address import parse_address
from ca_core.cli.cawatching import Watched, watch
from ca_core.cli.client import Client
from ca_core.cli.options import Output

STATUS, OPERATIONS = "/v1/cluster/ca/status", "/v1/connect/ca/operations"


def authority(name, phase, **changes):
    """Return an authority as the status shows it."""
    return {
        "ID": name, "Provider": "builtin", "Phase": phase, "RootFingerprint": "ab",
        "NotAfter": "2066-01-01T00:00:00Z", "Leaves": 7, "Complete": True, "Ceiling": "",
    } | changes  # fmt: skip


@pytest.fixture
def server(api, operation):
    """Return a fake API during a swap: distributed, active and draining, quiet."""
    signing, trusted = authority("ca-1", "signing"), authority("ca-2", "trusted")
    drained = authority("ca-2", "signing")
    api.answer_in_turn(
        "GET",
        OPERATIONS,
        [
            [operation(Phase="distributed", Progress={"Acknowledged": 1})],
            [operation()],
            [operation()],
        ],
    )
    api.answer_in_turn(
        "GET",
        STATUS,
        [
            {"Authorities": [signing, trusted]},
            {"Authorities": [authority("ca-1", "draining"), drained]},
            {"Authorities": [drained]},
        ],
    )
    return api


def test_it_ends_when_nothing_changes_any_more(server, capsys):
    """An open operation and a draining authority are both looked at until they are over."""
    naps = []
    with Client(parse_address(server.url)) as client:
        watch(client, Output.TABLE, until_done=True, sleep=naps.append)
    first, second, third = capsys.readouterr().out.splitlines()
    assert "acknowledged 1 of 3" in first
    assert "draining ca-1 (builtin): 7 leaves" in second
    assert third.endswith("nothing changes")
    assert len(naps) == 2


def test_programs_get_a_line_for_each_change(server, capsys):
    """Each line is the status with the operation beside it."""
    with Client(parse_address(server.url)) as client:
        watch(client, Output.JSON, until_done=True, sleep=lambda _: None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["Operation"]["Phase"] for line in lines] == ["distributed", "active", "active"]


def test_the_command_watches_a_quiet_cluster_once(run, api):
    """Without any operation on record there is nothing to wait for."""
    api.answer("GET", OPERATIONS, [])
    api.answer("GET", STATUS, {"Authorities": [authority("ca-1", "signing")]})
    result = run("ca", "status", "--watch", "--until-done", "--http-addr", api.url)
    assert result.exit_code == 0
    assert result.stdout == "nothing changes\n"


LEFT = {"Key": "ca-0", "Since": "2026-01-01T00:00:00Z", "Error": "no route to host"}
TROUBLED = {
    "Ready": False, "Reason": "the provider is away", "Drift": "leaf_ttl differs",
    "Overdue": "the root ends", "Leftovers": [LEFT], "Authorities": [authority("ca-1", "signing")],
}  # fmt: skip


def test_all_that_is_not_as_it_should_be_is_shown():
    """That nobody signs, drift, what is overdue, and what a backend still holds since when."""
    lines = [text for _, text in Watched(status=TROUBLED, operation=None).lines()]
    for wanted in (
        "signs: no, the provider is away",
        "file: leaf_ttl differs",
        "overdue: the root ends",
    ):
        assert wanted in lines
    (left,) = [line for line in lines if "left behind" in line]
    assert "ago: ca-0 (no route to host)" in left


def test_one_line_holds_it_too_without_a_time_that_moves():
    """A log of the watch grows by news alone."""
    said = Watched(status=TROUBLED, operation=None).change()
    assert "signs: no, the provider is away" in said
    assert "file: leaf_ttl differs" in said
    assert "left behind: ca-0 (no route to host)" in said
    assert "ago" not in said


def test_a_sound_cluster_shows_no_fault():
    """A server of 0.1 does not say whether it signs in every answer."""
    sound = TROUBLED | {"Ready": True, "Drift": "", "Overdue": "", "Leftovers": []}
    for status in (sound, {"Authorities": []}):
        state = Watched(status=status, operation=None)
        assert (state.faults, state.change()) == ([], "nothing changes")
