"""Decisions are visible: in metrics, in the log, in the answer, and at the server."""

import asyncio
import json
import logging
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from ca_core.agent.decisionlog import MOST_A_SECOND, Logged
from ca_core.api.acknowledgement_handlers import report_of
from ca_core.errors import RequestError, UnavailableError
from ca_core.intentions.decision import Default
from ca_core.telemetry.decisions import MOST_DESTINATIONS, OTHER, DecisionTallies
from tests.unit.agent.fakes import passed, settle
from tests.unit.api.authorizing import uri, world


def ran(scenario, **options):
    """Run a scenario in a world."""

    async def whole():
        async with world(**options) as here:
            await scenario(here)

    asyncio.run(whole())


def lines(caplog):
    """Return what was logged of decisions."""
    return [json.loads(r.message) for r in caplog.records if r.name == "ca_core.decisions"]


def test_every_decision_is_counted_by_destination_outcome_and_reason():
    """The first and those from memory; errors are none."""

    async def scenario(here):
        await here.put("web", "db")
        for _ in range(3):
            await here.decide("web", "db")
        await here.decide("api", "db")
        await here.ask({"Target": "db", "ClientCertURI": uri("web", domain="x.consul")})
        await here.ask({})
        assert here.counted() == {
            ("db", "allow", "intention"): 3,
            ("db", "deny", "acl_default"): 1,
            ("db", "deny", "trust_domain"): 1,
        }

    ran(scenario)


def test_the_labels_of_the_metric_are_bounded():
    """A destination beyond the bound is ``other``; the name of the metric is as documented."""
    tallies, registry = DecisionTallies(), CollectorRegistry()
    registry.register(tallies)
    for number in range(MOST_DESTINATIONS + 10):
        tallies.of(f"db{number}", allowed=True, why="intention").count += 1
    tallies.of("db0", allowed=True, why="intention").count += 1
    value = registry.get_sample_value

    def counted(destination):
        labels = {"destination": destination, "outcome": "allow", "why": "intention"}
        return value("ca_core_authorize_total", labels)

    assert (counted("db0"), counted(OTHER), counted("db1005")) == (2, 10, None)


@pytest.mark.parametrize(
    ("which", "written"), [(Logged.DENIED, [False]), (Logged.ALL, [True, False]), (Logged.NONE, [])]
)
def test_decisions_are_logged_as_asked(which, written, caplog):
    """One JSON object a line: who, to whom, what, why, by which rule, from how old knowledge."""
    caplog.set_level(logging.INFO)

    async def scenario(here):
        await here.put("web", "db")
        await here.put("*", "db", "deny")
        await here.decide("web", "db")
        await here.decide("api", "db")

    ran(scenario, logged=which)
    found = lines(caplog)
    assert [one["allowed"] for one in found] == written
    if which is Logged.DENIED:
        assert found == [
            {
                "source": "default/api",
                "destination": "default/db",
                "allowed": False,
                "why": "intention",
                "rule": "default/* => default/db",
                "age_seconds": 0.0,
            }
        ]


@pytest.mark.parametrize(("sample", "count"), [(1.0, 5), (0.6, 5), (0.4, 0), (0.0, 0)])
def test_a_sample_of_the_decisions_is_logged(sample, count, caplog):
    """The draw is 0.5 each time; the counts of the metric hold all of them."""
    caplog.set_level(logging.INFO)

    async def scenario(here):
        for _ in range(5):
            await here.decide("web", "db")
        assert sum(here.counted().values()) == 5

    ran(scenario, logged=Logged.ALL, sample=sample)
    assert len(lines(caplog)) == count


def test_a_flood_of_decisions_does_not_flood_the_log(caplog):
    """So many lines a second; the next line says how many were left out."""
    caplog.set_level(logging.INFO)

    async def scenario(here):
        for _ in range(MOST_A_SECOND + 20):
            await here.decide("web", "db")
        assert len(lines(caplog)) == MOST_A_SECOND
        await passed(here.clock, timedelta(seconds=1))
        await here.decide("web", "db")

    ran(scenario, logged=Logged.DENIED)
    assert lines(caplog)[-1]["suppressed"] == 20


def test_the_reason_is_in_a_header_of_bounded_length():
    """Whatever the names are, it is one line."""

    async def scenario(here):
        source = "w" * 900
        await here.put(source, "db")
        answer = await here.decide(source, "db")
        assert answer.reason.startswith(answer.headers["x-ca-core-reason"])
        assert len(answer.headers["x-ca-core-reason"]) == 400
        assert "\n" not in answer.reason

    ran(scenario)


def test_what_is_observed_decides_nothing_and_reaches_the_server(caplog):
    """It is counted each time, logged with its decision, and sent with an acknowledgement."""
    caplog.set_level(logging.INFO)

    async def scenario(here):
        await here.room.put("web", "db", Action="deny", Observe=True)
        for _ in range(3):
            assert (await here.decide("web", "db")).allowed is True
        await passed(here.clock, timedelta(seconds=11), step=timedelta(seconds=1))
        reports = [said for said in here.upstream.acknowledged if said.observations]
        assert len(reports) == 1
        ((seen, count),) = report_of(reports[0]).counts
        assert (str(seen.source), str(seen.destination)) == ("default/web", "default/db")
        assert count.count == 3

    ran(scenario, default=Default(allowed=True), logged=Logged.ALL)
    assert lines(caplog)[0]["would_allow"] is False
    assert lines(caplog)[0]["observed_rule"] == "default/web => default/db"


def test_a_report_that_got_lost_is_sent_again_with_what_came_since():
    """Nothing is lost in an outage."""

    async def scenario(here):
        await here.room.put("web", "db", Action="deny", Observe=True)
        await here.decide("web", "db")
        here.upstream.acknowledge_errors += [UnavailableError("away")] * 2
        await passed(here.clock, timedelta(seconds=11), step=timedelta(seconds=1))
        await here.decide("web", "db")
        await passed(here.clock, timedelta(seconds=30), step=timedelta(seconds=1))
        counts = [
            count.count
            for said in here.upstream.acknowledged
            if said.observations
            for _, count in report_of(said).counts
        ]
        assert sum(counts) == 2

    ran(scenario, default=Default(allowed=True))


def test_a_report_that_is_refused_costs_no_lease():
    """The bundle is acknowledged without it, at once."""

    async def scenario(here):
        await here.room.put("web", "db", Action="deny", Observe=True)
        await here.decide("web", "db")
        before = len(here.upstream.acknowledged)
        here.upstream.acknowledge_errors.append(RequestError("no", field="Observations"))
        await passed(here.clock, timedelta(seconds=10))
        await settle()
        said = here.upstream.acknowledged[before:]
        assert [one.observations for one in said] == [None]

    ran(scenario, default=Default(allowed=True))
