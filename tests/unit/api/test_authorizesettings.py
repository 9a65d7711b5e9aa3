"""What ``[authorize]`` and ``agent.max_staleness`` say reaches the authorizer."""

from datetime import timedelta

import pytest

from ca_core.agent.decisionlog import Logged
from ca_core.agent.reports import Reports
from ca_core.api.authorizesettings import agent_settings, told_decisions
from ca_core.config import load_config
from ca_core.errors import ConfigError
from ca_core.telemetry.metrics import Metrics
from ca_core.testing.clock import FakeClock


def configured(tmp_path, text):
    """Return the configuration in a file with this text."""
    file = tmp_path / "ca-core.toml"
    file.write_text(text)
    return load_config(file, environ={})


def test_by_default_foreign_clients_are_denied_and_nothing_else_is_checked(tmp_path):
    """Datacenter, serial number and age of what is known are looked at where somebody says so."""
    found = agent_settings(configured(tmp_path, ""), "dc1", "n1")
    rules = found.authorize
    assert (rules.foreign_trust_domains, rules.check_datacenter, rules.check_serial) == (False,) * 3
    assert found.max_staleness == timedelta()


def test_every_key_counts(tmp_path):
    """Each is one of the authorizer's rules."""
    text = """
        [agent]
        max_staleness = "5m"
        [authorize]
        foreign_trust_domains = "allow"
        check_datacenter = true
        check_serial = true
        log = "all"
        log_sample = 0.25
    """
    config = configured(tmp_path, text)
    found = agent_settings(config, "dc1", "n1")
    rules = found.authorize
    assert (rules.foreign_trust_domains, rules.check_datacenter, rules.check_serial) == (True,) * 3
    assert found.max_staleness == timedelta(minutes=5)
    clock, metrics = FakeClock(), Metrics()
    decisions = told_decisions(config, metrics, clock, lambda: 0.0, Reports(clock))
    assert (decisions._log._which, decisions._log._sample) == (Logged.ALL, 0.25)
    assert b"ca_core_authorize" in metrics.exposition()[0]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[authorize]\nlog_sample = 1.5", "authorize.log_sample"),
        ("[authorize]\nlog_sample = -0.1", "authorize.log_sample"),
        ("[authorize]\nlog_sample = nan", "authorize.log_sample"),
        ('[authorize]\nlog = "some"', "authorize.log"),
        ('[authorize]\nforeign_trust_domains = "x"', "authorize.foreign_trust_domains"),
        ('[agent]\nmax_staleness = "1s"', "agent.max_staleness"),
        ('[agent]\nmax_staleness = "-1m"', "agent.max_staleness"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, where):
    """The key is named."""
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, text)
    assert refused.value.where.endswith(f": {where}")
