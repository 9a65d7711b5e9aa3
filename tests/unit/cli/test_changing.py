"""Tests of `ca plan`, `ca apply` and `ca set-config`, against a fake API."""

import json

import pytest
import typer

from ca_core.cli.address import parse_address
from ca_core.cli.changing_actions import Manner, begin, follow
from ca_core.cli.client import Client
from ca_core.cli.options import Output

PLAN, APPLY, SETTINGS, CONFIGURATION, OPERATION = (
    f"/v1/connect/ca/{name}"
    for name in ("plan", "apply", "settings", "configuration", "operations/op-1")
)
ON_TOP = ("--set", "leaf_ttl=24h")


@pytest.fixture
def server(api, operation, plan, monkeypatch):
    """Return a fake API on which every change goes."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    api.answer("GET", SETTINGS, {"Settings": {"provider": "builtin", "leaf_ttl": "72h"}})
    api.answer("POST", PLAN, plan())
    api.answer("PUT", APPLY, operation(Phase="planned"), status=202)
    api.answer("GET", OPERATION, operation())
    return api


@pytest.mark.usefixtures("server")
def test_a_plan_shows_what_happens_to_whom(run):
    """The facts that an operator decides by stand in the table."""
    text = run("ca", "plan", *ON_TOP).stdout
    for words in (
        "Another provider signs",
        "a new one: another provider has another root",
        "1,204 to re-issue at 50 a second: about 24 s",
        "3 agents: web-1, web-2, db-1",
        "10 min",
        "Nothing was changed",
    ):
        assert words in text


def test_a_plan_changes_nothing(run, server):
    """Only the dry run is asked."""
    assert run("ca", "plan", *ON_TOP).exit_code == 0
    assert {path for method, path, *_ in server.requests if method != "GET"} == {PLAN}


def test_a_plan_that_would_be_refused_ends_with_one(run, server, plan):
    """What stands against it is listed, and scripts see it."""
    server.answer("POST", PLAN, plan(Blockers=["the backend refuses: write pki/root"]))
    result = run("ca", "plan", *ON_TOP)
    assert result.exit_code == 1
    assert "the backend refuses: write pki/root" in result.stdout


def test_what_the_new_provider_cannot_is_told_and_stops_nothing(run, server, plan):
    """A provider that can less may be wanted all the same."""
    server.answer("POST", PLAN, plan(MissingCapabilities=["crl"]))
    assert "crl: the present provider can, the new one cannot" in run("ca", "plan", *ON_TOP).stdout
    assert run("ca", "apply", *ON_TOP, "--yes").exit_code == 0


def test_what_is_wanted_and_how_goes_to_the_server(run, server):
    """Keys, provider and wishes arrive in one request."""
    run("ca", "plan", "--provider", "vault", "--set", "config.address=http://b", "--settle", "1m",
        "--patience", "2h", "--on-deadline", "abort", "--force")  # fmt: skip
    (body,) = server.bodies("POST", PLAN)
    assert body == {
        "Settings": {
            "provider": "vault", "leaf_ttl": "72h", "config": {"address": "http://b"},
        },
        "FromFile": False,
        "Wishes": {"Settle": "1m", "Patience": "2h", "OnDeadline": "abort", "Force": True},
    }  # fmt: skip


def test_a_wish_that_was_not_said_is_the_server_s(run, server):
    """The defaults of waiting are the server's, not the client's."""
    run("ca", "plan", *ON_TOP)
    assert server.bodies("POST", PLAN)[0]["Wishes"] == {}


def test_a_span_without_a_unit_is_refused_here(run, server):
    """The option at fault is named, before anybody is asked."""
    result = run("ca", "plan", *ON_TOP, "--settle", "10")
    assert result.exit_code == 2
    assert "--settle" in result.stderr
    assert not server.requests


def test_apply_asks_and_does_what_was_planned(run, server):
    """After the plan and a yes, the same body goes to apply."""
    result = run("ca", "apply", *ON_TOP, text=b"y\n")
    assert result.exit_code == 0
    assert server.bodies("PUT", APPLY) == server.bodies("POST", PLAN)
    assert result.stdout.index("Another provider signs") < result.stdout.index("Done.")


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"maybe\n", b""])
def test_anything_but_yes_changes_nothing(run, server, answer):
    """No answer is no."""
    result = run("ca", "apply", *ON_TOP, text=answer)
    assert result.exit_code == 1
    assert "nothing was changed" in result.stderr
    assert not server.bodies("PUT", APPLY)


def test_a_program_is_not_asked(run, server):
    """JSON and a question exclude each other; the next step is told."""
    result = run("ca", "apply", *ON_TOP, "-o", "json")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert not server.requests


def test_apply_refuses_what_would_not_go(run, server, plan):
    """A blocked plan is not tried, even with --yes."""
    server.answer("POST", PLAN, plan(Blockers=["the token lacks a right"]))
    result = run("ca", "apply", *ON_TOP, "--yes")
    assert result.exit_code == 1
    assert "the token lacks a right" in result.stderr
    assert not server.bodies("PUT", APPLY)


def test_an_identical_configuration_is_no_change(run, server, plan, operation):
    """Nothing is asked, nothing is followed, and that is success."""
    server.answer("POST", PLAN, plan(Kind="none"))
    server.answer("PUT", APPLY, operation(ID="", Kind="none"))
    result = run("ca", "apply", *ON_TOP)
    assert result.exit_code == 0
    assert result.output == "Nothing changes: this is the configuration that stands.\n"


def test_a_plan_without_a_change_says_so(run, server, plan):
    """The dry run of what stands is one sentence."""
    server.answer("POST", PLAN, plan(Kind="none"))
    assert run("ca", "plan", *ON_TOP).stdout.startswith("Nothing would change")


def test_what_became_identical_meanwhile_is_no_change(run, server, operation):
    """Somebody else may have applied the same between plan and apply."""
    server.answer("PUT", APPLY, operation(ID="", Kind="none"))
    result = run("ca", "apply", *ON_TOP, "--yes")
    assert result.exit_code == 0
    assert "Nothing changes" in result.stdout


def test_force_lists_what_breaks_before_it_asks(run, server, plan):
    """The plan's own warnings are that list, with those who keep copies."""
    server.answer("POST", PLAN, plan(Warnings=["force waits for nobody: web-2 is left behind"]))
    result = run("ca", "apply", *ON_TOP, "--force", text=b"n\n")
    _, _, broken = result.stdout.partition("With --force this breaks:")
    assert "web-2 is left behind" in broken
    assert "copy of the bundle" in broken
    assert not server.bodies("PUT", APPLY)


def test_without_force_a_warning_breaks_nothing(run, server, plan):
    """The same list has another heading."""
    server.answer("POST", PLAN, plan(Warnings=["it takes a while"]))
    text = run("ca", "plan", *ON_TOP).stdout
    assert "Mind:\n  ! it takes a while" in text
    assert "breaks" not in text


def test_detached_it_returns_at_once(run, server):
    """The operation goes on, and the way to follow it is told."""
    result = run("ca", "apply", *ON_TOP, "--yes", "--detach")
    assert "ca status --watch" in result.stdout
    assert not [path for _, path, *_ in server.requests if path.startswith(OPERATION)]


def test_an_operation_that_ended_early_is_a_failure(run, server, operation):
    """Its reason is told, in JSON too."""
    server.answer("GET", OPERATION, operation(Phase="failed", Reason="the quota is used up"))
    result = run("ca", "apply", *ON_TOP, "--yes", "-o", "json")
    assert result.exit_code == 1
    assert "the quota is used up" in result.stderr
    assert json.loads(result.stdout)["Phase"] == "failed"


def test_every_change_is_a_line_where_nobody_redraws(server, operation, capsys):
    """A log holds each phase and each acknowledgement once, and none twice."""
    waiting = {"Acknowledged": 1}
    server.answer_in_turn(
        "GET",
        OPERATION,
        [
            operation(Phase="planned"),
            operation(Phase="planned"),
            operation(Phase="distributed", Progress=waiting, WaitsFor="web-1 is missing"),
            operation(Phase="distributed"),
            operation(Progress={"Leaves": 7, "Reissued": 2}),
        ],
    )
    naps = []
    manner = Manner(yes=True, detach=False, output=Output.TABLE, sleep=naps.append)
    with Client(parse_address(server.url)) as client:
        begin(client, APPLY, {}, manner)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in lines[:4]] == [
        "planned",
        "distributed, acknowledged 1 of 3, waits: web-1 is missing",
        "distributed, acknowledged 3 of 3",
        "active, leaves re-issued 2 of 7",
    ]
    assert all(nap > 0 for nap in naps)


def test_ctrl_c_leaves_the_operation_running(server, operation, capsys):
    """The end of looking is not the end of the change, and the user hears so."""

    def interrupted(_):
        raise KeyboardInterrupt

    server.answer("GET", OPERATION, operation(Phase="distributed"))
    manner = Manner(yes=True, detach=False, output=Output.TABLE, sleep=interrupted)
    with Client(parse_address(server.url)) as client, pytest.raises(typer.Exit) as ended:
        follow(client, "op-1", manner)
    assert ended.value.exit_code == 130
    said = capsys.readouterr().err
    assert "op-1 goes on" in said
    assert "ca abort op-1" in said
    assert [method for method, *_ in server.requests] == ["GET"]


def test_consul_s_document_is_put_as_it_is(run, server, tmp_path):
    """What the file says reaches the server, from a path or a pipe."""
    document = {"Provider": "vault", "Config": {"Token": "s3cret"}}
    server.answer("PUT", CONFIGURATION, True)
    (tmp_path / "c.json").write_text(json.dumps(document))
    by_path = run("ca", "set-config", "c.json")
    by_pipe = run("ca", "set-config", "-", text=json.dumps(document).encode())
    assert server.bodies("PUT", CONFIGURATION) == [document, document]
    assert by_path.exit_code == by_pipe.exit_code == 0
    assert "s3cret" not in by_path.output


def test_a_long_change_is_followed_where_it_is(run, server, tmp_path):
    """After a minute the server names the operation; the command goes on looking."""
    (tmp_path / "c.json").write_text("{}")
    server.answer("PUT", CONFIGURATION, None, status=202, headers={"Location": OPERATION})
    result = run("ca", "set-config", "c.json", "-o", "json")
    assert json.loads(result.stdout) == {"Operation": "op-1", "Active": True}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("text", ["[1]", "{", '{"Config": {"Token": "s3cret"'])
def test_a_file_that_is_no_document_is_not_shown(run, tmp_path, text):
    """The error names the file and says where one gets a good one; it quotes nothing."""
    (tmp_path / "c.json").write_text(text)
    result = run("ca", "set-config", "c.json")
    assert result.exit_code == 2
    assert "c.json" in result.stderr
    assert "s3cret" not in result.output
