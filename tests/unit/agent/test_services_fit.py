"""However much local programs register, servers take what the agent took."""

from bisect import bisect
from datetime import timedelta

import msgspec
import pytest

from ca_core.agent.services.definitions import CheckDefinition, Registration, Ttl
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import MAX_OUTPUT, LocalCheck
from ca_core.agent.services.telling import Teller
from ca_core.api.registered_routes import MOST_REGISTERED
from ca_core.catalog.bounds import check_state
from ca_core.errors import RequestError
from ca_core.wire.catalog import CheckStatus, Service
from tests.unit.agent.test_question_fits import longest_grant

CHECKS = 16
MINUTE = timedelta(minutes=1)


def state_of(how_many, *, meta=0, output=""):
    """Return the state of an agent with so many services that say much of themselves."""
    services, checks = {}, {}
    for number in range(how_many):
        name, told = f"s{number:05}", {f"k{n}": "v" * 512 for n in range(meta)}
        services[name] = Registration(service=Service(id=name, service=name, meta=told))
        for n in range(CHECKS):
            key = f"{name}:{n}"
            defined = CheckDefinition(id=key, name="c", service_id=name, kind=Ttl(ttl=MINUTE))
            checks[key] = LocalCheck(definition=defined, status=CheckStatus.WARNING, output=output)
    return LocalState.of(services.values(), checks.values())


def is_refused(how_many):
    """Say whether the agent takes no more than less of them."""
    try:
        Teller().refuse_untellable(state_of(how_many, meta=40), "", "n1")
    except RequestError:
        return True
    return False


def body_of(state):
    """Return what is sent, with the longest grants."""
    told = Teller().told(state, "10.0.0.1").state
    check_state(told, "n1")
    grant = longest_grant()
    services = tuple(msgspec.structs.replace(one, grant=grant) for one in told.services)
    return msgspec.json.encode(msgspec.structs.replace(told, services=services))


def test_an_agent_takes_no_more_than_it_can_tell():
    """One program with much to say does not keep everybody else's services from the servers."""
    most = bisect(range(1000), 0, key=is_refused) - 1
    assert 100 < most < 999
    assert len(body_of(state_of(most, meta=40))) < MOST_REGISTERED


def test_outputs_that_are_too_long_together_are_left_out():
    """How checks stand is told all the same."""
    state = state_of(150, output="o" * MAX_OUTPUT)
    Teller().refuse_untellable(state, "", "n1")
    assert len(body_of(state)) < MOST_REGISTERED
    told = Teller().told(state, "").state
    assert {check.status for one in told.services for check in one.checks} == {CheckStatus.WARNING}


@pytest.mark.parametrize("how_many", [1, 20])
def test_outputs_that_fit_are_told(how_many):
    """Nothing is left out without need."""
    told = Teller().told(state_of(how_many, output="ok"), "").state
    assert {check.output for one in told.services for check in one.checks} == {"ok"}
