"""Tests of `cache top`."""

import json

import pytest

from ca_core.cli.cache_actions import EVERY, Remembered, age_text, place_of, size_text, watch
from ca_core.cli.connect import agent_client
from ca_core.wire.agentcache import CacheAnswer

PLACE = "/v1/agent/cache"
KIND = {
    "Kind": "leaf",
    "Entries": 2,
    "Bytes": 9_000,
    "Hits": 41,
    "Misses": 2,
    "Waiters": 1,
    "OldestRefreshSeconds": 0.0,
    "Evictions": {"idle": 3, "budget": 1},
    "Failures": {},
}
ENTRY = {
    "Kind": "leaf",
    "Key": "web",
    "Partitions": ["uid:7"],
    "Bytes": 4_500,
    "AgeSeconds": 7_300.0,
    "UnusedSeconds": 12.5,
    "Hits": 0,
    "Misses": 0,
    "Waiters": 1,
    "Index": 8,
    "Failures": 0,
    "Error": "",
    "Refreshed": False,
}
ANSWER = {"BudgetBytes": 64 * 1024**2, "Bytes": 9_000, "Kinds": [KIND], "Entries": [ENTRY]}


@pytest.fixture
def agent(api, monkeypatch):
    """Return a fake agent that remembers two leaves."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    api.answer("GET", PLACE, ANSWER)
    return api


@pytest.mark.usefixtures("agent")
def test_kinds_come_first_then_entries(run):
    """What does not go to a terminal is shown once, also without ``--once``."""
    for arguments in ((), ("--once",)):
        found = run("cache", "top", *arguments).stdout.splitlines()
        words = [line.split() for line in found if line]
        assert words[0] == ["2", "entries,", "8.8", "KiB", "of", "64", "MiB"]
        assert words[2][:6] == ["leaf", "2", "8.8", "KiB", "41", "2"]
        assert words[2][-5:] == ["1", "budget,", "3", "idle", "-"]
        assert words[4] == ["leaf", "web", "uid:7", "4.4", "KiB", "2h", "12s", "1", "8", "-"]


def test_whoever_may_see_no_entry_is_told_so(run, agent):
    """Figures without entries do not look as if nothing were remembered."""
    hidden = {"x-consul-results-filtered-by-acls": "true"}
    agent.answer("GET", PLACE, ANSWER | {"Entries": []}, headers=hidden)
    assert "whoever has operator:read" in run("cache", "top").stdout.splitlines()[-1]


@pytest.mark.usefixtures("agent")
def test_json_is_what_the_api_answers(run):
    """Unchanged, once."""
    assert json.loads(run("cache", "top", "--output", "json").stdout) == ANSWER


def test_kinds_and_number_of_entries_are_asked_for(run, agent):
    """The agent sorts and cuts."""
    run("cache", "top", "--kind", "leaf", "--kind", "roots", "--limit", "3")
    assert place_of(["leaf", "roots"], 3) == f"{PLACE}?kind=leaf&kind=roots&limit=3"
    assert agent.requests


def test_a_terminal_shows_it_again_and_again(agent):
    """Every two seconds, until somebody ends it."""

    class Seen(list):
        """A screen that remembers."""

        show = list.append

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    class EndedError(Exception):
        """Ctrl-C."""

    seen, slept = Seen(), []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            raise EndedError

    with agent_client(agent.url, None) as client, pytest.raises(EndedError):
        watch(client, PLACE, lambda: seen, sleep)
    assert slept == [EVERY] * 3
    assert len(seen) == 3
    lines = [line for _, line in seen[0].lines()]
    assert lines[0] == seen[0].change() == "2 entries, 8.8 KiB of 64 MiB"
    assert lines[1].startswith("KIND  ENTRIES")
    assert "web" in lines[-1]
    assert json.loads(json.dumps(seen[0].as_json())) == ANSWER


def test_an_agent_that_remembers_nothing_has_headings_alone():
    """No entry is no error."""
    empty = Remembered(CacheAnswer(budget=1024, bytes=0, kinds=(), entries=()))
    assert next(iter(empty.lines()))[1] == "0 entries, 0 B of 1 KiB"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1024**2, "1 MiB")],
)
def test_sizes_are_told_as_people_read_them(size, text):
    """With one digit at most, and the unit that fits."""
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86_400, "1d")],
)
def test_ages_are_told_in_their_largest_unit(seconds, text):
    """Never more than the time that has passed."""
    assert age_text(seconds) == text
