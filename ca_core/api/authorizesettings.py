"""What the configuration says of the authorizer, as the agent's parts take it."""

from collections.abc import Callable

from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.authorizing import AuthorizeRules
from ca_core.agent.decisionlog import DecisionLog, Logged
from ca_core.agent.reports import Reports
from ca_core.api.decisions import Decisions
from ca_core.clock import Clock
from ca_core.config.model import Config
from ca_core.telemetry.decisions import DecisionTallies
from ca_core.telemetry.metrics import Metrics


def agent_settings(config: Config, datacenter: str, node: str) -> AgentSettings:
    """Return where an agent lives, and how it decides."""
    authorize = config.authorize
    rules = AuthorizeRules(
        foreign_trust_domains=authorize.foreign_trust_domains == "allow",
        check_datacenter=authorize.check_datacenter,
        check_serial=authorize.check_serial,
    )
    return AgentSettings(
        datacenter=datacenter,
        node=node,
        authorize=rules,
        max_staleness=config.agent.max_staleness,
        cache_bytes=config.agent.cache_bytes,
        address=config.agent.address,
    )


def told_decisions(
    config: Config,
    metrics: Metrics,
    clock: Clock,
    draw: Callable[[], float],
    reports: Reports,
) -> Decisions:
    """Return what answers decisions, shows them in ``metrics``, logs and reports them."""
    tallies, authorize = DecisionTallies(), config.authorize
    metrics.registry.register(tallies)
    log = DecisionLog(clock, draw, Logged(authorize.log), authorize.log_sample)
    return Decisions(tallies, log, reports.note)
