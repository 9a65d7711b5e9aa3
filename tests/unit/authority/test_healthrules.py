"""Health is shown only if it is what the contract says, its credential included."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ca_core.authority.healthrules import health_fault
from ca_core.contract.answers import Credential, Health
from ca_core.testing.clock import START
from tests.unit.authority.liars import Watch, guard, lying

EARLIER = START - timedelta(hours=1)
EASTERN = timezone(timedelta(hours=2))


class NumberThatTells(int):
    """Names a secret when it is shown."""

    def __repr__(self):
        return "hunter2"


@pytest.mark.parametrize(
    "credential",
    [
        None,
        Credential(ends=None),
        Credential(ends=START),
        Credential(ends=START.astimezone(timezone(timedelta(), "Zulu")), failures=3),
        Credential(ends=datetime.max.replace(tzinfo=UTC), last_error="refused"),
    ],
)
def test_what_the_contract_allows_has_no_fault(credential):
    """Nothing known, no end, a time in UTC by any name."""
    assert health_fault(Health(ok=True, details={"a": "b"}, credential=credential)) == ""


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (None, "NoneType"),
        (Health(ok="yes"), "Health.ok"),
        (Health(ok=True, message=b"x"), "Health.message"),
        (Health(ok=True, details=None), "Health.details"),
        (Health(ok=True, details={"hours": 3}), "Health.details"),
        (Health(ok=True, details={3: "hours"}), "Health.details"),
        (Health(ok=True, credential=START), "Health.credential"),
        (Health(ok=True, credential=Credential(ends=START.replace(tzinfo=None))), "ends"),
        (Health(ok=True, credential=Credential(ends=START.timestamp())), "ends"),
        (Health(ok=True, credential=Credential(ends=START.astimezone(EASTERN))), "ends"),
        (Health(ok=True, credential=Credential(ends=None, failures=-1)), "failures"),
        (Health(ok=True, credential=Credential(ends=None, failures=NumberThatTells(-3))), "fail"),
        (Health(ok=True, credential=Credential(ends=None, failures=True)), "failures"),
        (Health(ok=True, credential=Credential(ends=None, failures=1.5)), "failures"),
        (Health(ok=True, credential=Credential(ends=None, last_error=None)), "last_error"),
    ],
)
def test_each_fault_names_its_field_and_quotes_nothing(answer, named):
    """Times without a zone, negative counts, other types: each is found."""
    fault = health_fault(answer)
    assert named in fault
    assert "hunter2" not in fault


def test_a_malformed_credential_is_a_bug_of_the_provider_and_no_crash(monkeypatch):
    """It is counted, the provider is named, and nothing of it is shown."""
    watch, rogue = Watch(), lying()
    naive = Credential(ends=START.replace(tzinfo=None), last_error="hunter2")
    monkeypatch.setattr(rogue, "health", lambda *, deep: Health(ok=True, credential=naive))
    told = guard(rogue, watch).health()
    assert (told.ok, told.credential, len(watch.bugs)) == (False, None, 1)
    assert "Credential.ends" in told.message
    assert "hunter2" not in told.message


@pytest.mark.parametrize(
    ("ends", "left"),
    [(None, None), (START, timedelta(hours=1)), (EARLIER - timedelta(1), timedelta())],
)
def test_the_runway_is_never_negative(ends, left):
    """What has ended has nothing left; what never ends has no number."""
    assert Credential(ends=ends).runway(EARLIER) == left
