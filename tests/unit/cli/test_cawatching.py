"""Tests of `ca status --watch`."""

import json

import pytest

from ca_core.cli.address import parse_address
from ca_core.cli.cawatching import watch
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
