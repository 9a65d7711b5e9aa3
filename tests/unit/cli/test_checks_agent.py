"""Tests of what `doctor` finds about the agent of this host."""

import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ca_core.agent.leaffile import ASIDE, FILE
from ca_core.cli import checks_agent as checks
from ca_core.cli import checks_agenthost, checks_changes
from ca_core.cli.address import parse_address
from ca_core.cli.checks_agenthost import CHECKS as ON_HOST
from ca_core.cli.checkup import Level, Situation
from ca_core.config import load_config
from ca_core.state.kek import create_key_file

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
URL, OTHER = "https://ca1:8501", "https://ca2:8501"


def told(**stats):
    """Return what a healthy agent tells, with other figures."""
    healthy = {
        "agent": {"leaves": 2, "tokens": 1},
        "roots": {"known_leader": True, "age_seconds": 0, "last_error": ""},
        "readers": {"known": 3, "behind": 0, "such_as": []},
        "services": {"services": 1, "checks": 2, "last_error": "", "refused": {}},
        "servers": {"current": URL, "failures": {URL: 0, OTHER: 0}},
        "configuration": {"needs_restart": [], "last_error": ""},
    }
    return {"Stats": healthy | stats, "Identity": identity(ends=2 * DAY, renews=DAY)}


def identity(*, ends, renews):
    """Return the agent's own leaf, so long from now."""
    return {
        "SpiffeID": "spiffe://x.consul/agent/client/dc/dc1/id/n1",
        "ValidBefore": f"{NOW + ends:%Y-%m-%dT%H:%M:%SZ}",
        "RenewAt": f"{NOW + renews:%Y-%m-%dT%H:%M:%SZ}",
    }


def with_own(**moments):
    """Return what an agent with such a leaf tells."""
    return told() | {"Identity": identity(**moments)}


JUDGES = (
    checks.own_leaf_level,
    checks.contact_level,
    checks.servers_level,
    checks.tokens_level,
    checks.services_level,
    checks.configuration_level,
    checks.readers_level,
)


@pytest.mark.parametrize("judge", JUDGES)
def test_a_healthy_agent_is_well_and_needs_no_hint(judge):
    """Everything is said in one sentence."""
    level, text, hint = judge(told(), NOW)
    assert (level, hint) == (Level.OK, "")
    assert text


ILL = {
    "late renewal": (
        checks.own_leaf_level, with_own(ends=2 * DAY, renews=-3 * DAY), Level.WARNING, "is due"
    ),
    "expired": (
        checks.own_leaf_level, with_own(ends=-DAY, renews=-2 * DAY), Level.FAILURE, "1 d ago"
    ),
    "never heard": (
        checks.contact_level,
        told(roots={"known_leader": False, "age_seconds": 0, "last_error": "no route"}),
        Level.FAILURE, "no route",
    ),
    "not heard for a minute": (
        checks.contact_level,
        told(roots={"known_leader": False, "age_seconds": 60, "last_error": "no route"}),
        Level.WARNING, "for 1 min",
    ),
    "not heard for long": (
        checks.contact_level,
        told(roots={"known_leader": False, "age_seconds": 3600, "last_error": ""}),
        Level.FAILURE, "for 1 h",
    ),
    "one server fails": (
        checks.servers_level,
        told(servers={"current": URL, "failures": {URL: 0, OTHER: 4}}),
        Level.WARNING, f"{URL} (chosen) does well; {OTHER} failed 4 times",
    ),
    "every server fails": (
        checks.servers_level,
        told(servers={"current": URL, "failures": {URL: 1, OTHER: 4}}),
        Level.FAILURE, "failed 1 times",
    ),
    "refused service": (
        checks.services_level,
        told(services={"services": 1, "checks": 0, "last_error": "", "refused": {"web": "denied"}}),
        Level.WARNING, "web is refused: denied",
    ),
    "services not told": (
        checks.services_level,
        told(services={"services": 1, "checks": 0, "last_error": "no route", "refused": {}}),
        Level.WARNING, "no route",
    ),
    "restart": (
        checks.configuration_level,
        told(configuration={"needs_restart": ["agent.listen"], "last_error": ""}),
        Level.WARNING, "agent.listen",
    ),
    "refused reload": (
        checks.configuration_level,
        told(configuration={"needs_restart": [], "last_error": "agent.node: no name"}),
        Level.FAILURE, "no name",
    ),
    "not kept": (
        checks.persist_level,
        told(persist={"file": "/f", "restored": 0, "written_at": "", "last_error": "disk full"}),
        Level.FAILURE, "disk full",
    ),
    "readers behind": (
        checks.readers_level,
        told(readers={"known": 3, "behind": 1, "such_as": ["pid 7"]}),
        Level.WARNING, "pid 7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("ill", ILL.values(), ids=list(ILL))
def test_each_illness_has_its_level_and_a_next_step(ill):
    """What is wrong stands in the sentence, what to do in the hint."""
    judge, answer, wanted, words = ill
    level, text, hint = judge(answer, NOW)
    assert level is wanted
    assert words in text
    assert hint


def test_what_is_kept_says_when_it_was_written():
    """And what is not kept is nothing to check."""
    kept = {"file": "/f", "restored": 2, "written_at": "2026-11-23T11:59:00Z", "last_error": ""}
    assert checks.persist_level(told(persist=kept), NOW)[:2] == (Level.OK, "/f: written 1 min ago")
    assert checks.persist_level(told(), NOW)[0] is Level.SKIPPED


def test_dev_has_no_leaf_of_its_own_and_no_servers():
    """Server and agent are one process there."""
    alone = told(servers=None) | {"Identity": {}}
    assert checks.own_leaf_level(alone, NOW)[0] is Level.SKIPPED
    assert checks.servers_level(alone, NOW)[0] is Level.SKIPPED


def cache(**changed):
    """Return what a healthy agent remembers."""
    kind = {"Kind": "leaf", "Entries": 2, "OldestRefreshSeconds": 0.0}
    return {"BudgetBytes": 100, "Bytes": 50, "Kinds": [kind | changed.pop("kind", {})]} | changed


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (cache(), Level.OK),
        (cache(kind={"Entries": 0}), Level.OK),
        (cache(kind={"OldestRefreshSeconds": 3600.0}), Level.WARNING),
        (cache(Bytes=101), Level.WARNING),
    ],
)
def test_what_is_old_or_too_much_is_a_warning(answer, level):
    """With the command that shows which entry it is, or the key that sets the budget."""
    found = checks.caches_level(answer)
    assert found[0] is level
    assert bool(found[2]) is (level is Level.WARNING)


def situation(tmp_path, **flags):
    """Return the situation of a host whose agent lives in ``tmp_path``."""
    keys = {f"agent.{name}": value for name, value in flags.items()}
    return Situation(
        file=None,
        loaded=load_config(None, environ={}, flags={"agent.data_dir": tmp_path} | keys),
        address=parse_address("127.0.0.1:1"),
        now=datetime.now(UTC),
    )


def found(name, at):
    """Return what one check finds on the host."""
    return next(check for check in (*checks.CHECKS, *ON_HOST) if check.name == name).done(at)


def test_without_an_agent_there_is_nothing_to_check(tmp_path):
    """A server's host is not ill because no agent runs on it."""
    at = situation(tmp_path)
    for check in (*checks.CHECKS, *ON_HOST):
        assert check.done(at).level is Level.SKIPPED, check.name


def test_however_many_checks_want_it_an_answer_is_asked_for_once(api, tmp_path):
    """Changes and the agent: one request for each path."""
    at = replace(situation(tmp_path), address=parse_address(api.url), named=True)
    for check in (*checks.CHECKS, *checks_changes.CHECKS):
        check.done(at)
    paths = [path for _, path, _, _ in api.requests]
    assert len(paths) == len(set(paths)) == 4


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, Level.OK), (30, Level.WARNING), (600, Level.FAILURE)]
)
def test_the_server_with_the_worst_clock_is_named(monkeypatch, tmp_path, seconds, level):
    """Ten minutes are more than leaves are backdated by."""
    at = replace(situation(tmp_path, server=[URL, OTHER]), now=NOW)
    dates = {URL: NOW, OTHER: NOW - timedelta(seconds=seconds)}
    monkeypatch.setattr(checks_agenthost, "_date_of", lambda url: format_datetime(dates[url]))
    finding = found("clocks", at)
    assert finding.level is level
    assert OTHER in finding.detail


def test_a_server_that_is_silent_has_no_clock_to_compare(tmp_path):
    """And is a warning with the command to look at it."""
    finding = found("clocks", situation(tmp_path, server=["https://127.0.0.1:1"]))
    assert finding.level is Level.WARNING
    assert "curl -k https://127.0.0.1:1/healthz" in finding.hint


def test_a_kept_file_is_for_the_agent_alone_and_its_key_is_at_hand(tmp_path):
    """Nothing is made by looking."""
    folder = tmp_path / "agent"
    folder.mkdir()
    at = situation(folder, persist=True)
    assert found("kept leaves", at).level is Level.SKIPPED
    (folder / FILE).write_bytes(b"x")
    (folder / FILE).chmod(0o600)
    assert found("kept leaves", at).level is Level.FAILURE  # the key is missing
    assert sorted(each.name for each in tmp_path.iterdir()) == ["agent"]
    create_key_file(tmp_path / "agent.kek")
    assert found("kept leaves", at).level is Level.OK
    (folder / FILE).chmod(0o644)
    assert found("kept leaves", at).hint == f"chmod 600 {folder / FILE}"
    (folder / ASIDE).write_bytes(b"x")
    assert str(folder / ASIDE) in found("kept leaves", at).hint


def test_a_socket_that_others_cannot_reach_is_a_warning(tmp_path):
    """Its own mode, and that of each folder above."""
    folder = tmp_path / "agent"
    folder.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "agent.sock"))
        (folder / "agent.sock").chmod(0o666)
        at = situation(folder)
        folder.chmod(0o700)
        closed = found("sockets", at)
        assert closed.level is Level.WARNING
        assert closed.hint.startswith("chmod o+x ")
        (folder / "agent.sock").chmod(0o600)
        assert found("sockets", at).detail == f"other users may not use {folder / 'agent.sock'}"


def test_the_answer_of_another_program_is_a_failure_and_no_crash(api, tmp_path):
    """Something else listens there."""
    api.answer("GET", "/v1/agent/self", b"<html>")
    at = replace(situation(tmp_path), address=parse_address(api.url), named=True)
    finding = found("own leaf", at)
    assert finding.level is Level.SKIPPED
    assert "not what ca-core's API gives" in finding.detail


def test_clocks_are_compared_at_the_moment_of_the_question(monkeypatch, tmp_path):
    """Checks that took a minute before this one do not make a clock wrong."""
    late = time.monotonic() - 60
    at = replace(situation(tmp_path, server=[URL]), now=NOW, began=late)
    then = format_datetime(NOW + timedelta(seconds=60))
    monkeypatch.setattr(checks_agenthost, "_date_of", lambda _url: then)
    assert found("clocks", at).level is Level.OK
