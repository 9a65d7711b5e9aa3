"""``doctor`` on the passport that a configuration may demand of its provider."""

from ca_core.authority.demand import EXEMPT, demand_of
from ca_core.authority.registry import ALIASES, Registry
from ca_core.cli.checkup import Check, Level, Situation


def _passport(situation: Situation) -> tuple[Level, str, str]:
    """Ask as the server does, before anything of the provider is imported."""
    demand = demand_of(situation.config)
    if demand is None:
        return Level.SKIPPED, "[conformance] require_conformance is not set", ""
    name = situation.config.ca.provider
    Registry().demanding(demand.admit).check_admitted(name)
    if ALIASES.get(name, name) in EXEMPT:
        return Level.OK, f"{name} is a part of ca-core and needs none", ""
    return Level.OK, f"{name} has one of level {demand.level} or more, by a trusted key", ""


CHECKS = (Check("provider", "passport", _passport),)
