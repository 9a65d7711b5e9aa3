"""What ``doctor`` does; imported when it runs."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.text import Text

from ca_core.api.localservices import check_services
from ca_core.authority.registry import Registry
from ca_core.cli import (
    checks_agent,
    checks_agenthost,
    checks_changes,
    checks_config,
    checks_conformance,
    checks_network,
    checks_state,
    checks_system,
)
from ca_core.cli.absence import absence, configured
from ca_core.cli.address import AGENT_SOCKET, SERVER_SOCKET, Address, local_address, parse_address
from ca_core.cli.checks_plugins import plugin_checks
from ca_core.cli.checkup import PLUGIN_LIMIT, Finding, Level, Situation, grade
from ca_core.cli.output import console, printable
from ca_core.config import Config, find_config_file, load_config
from ca_core.errors import ConfigError

__all__ = ["as_json", "examined", "grade", "show", "situation_of"]

_STYLES = {
    Level.OK: "green",
    Level.SKIPPED: "dim",
    Level.WARNING: "yellow",
    Level.FAILURE: "bold red",
}


def situation_of(
    named: Path | None,
    http_addr: str | None,
    token: str | None,
    *,
    plugin_limit: timedelta = PLUGIN_LIMIT,
) -> Situation:
    """Return what there is to examine; a broken configuration is a finding, not an end.

    Raises:
        ConfigError: ``http_addr`` is no address.
    """
    file = find_config_file(named)
    loaded = _loaded(file)
    address = parse_address(http_addr) if http_addr else _local(loaded)
    return Situation(
        file=file,
        loaded=loaded,
        address=address,
        token=token,
        named=bool(http_addr),
        absence="" if http_addr else _absence(loaded, file),
        now=datetime.now(UTC),
        plugin_limit=plugin_limit,
    )


def _absence(config: Config | ConfigError, file: Path | None) -> str:
    if isinstance(config, ConfigError):
        return ""
    kinds = configured(config)
    return absence(kinds[0], config, file) if kinds else ""


def _local(config: Config | ConfigError) -> Address | None:
    """Return the agent's socket, else the server's, else the usual port; None if nobody knows."""
    if isinstance(config, ConfigError):
        return None
    agent = local_address(config.agent.data_dir, AGENT_SOCKET)
    if agent.socket is not None:
        return agent
    return local_address(config.server.data_dir, SERVER_SOCKET)


def _loaded(file: Path | None) -> Config | ConfigError:
    try:
        return load_config(file, also=check_services)
    except ConfigError as error:
        return error


def examined(situation: Situation) -> tuple[Finding, ...]:
    """Return what every check finds, in the order in which it is shown."""
    checks = (
        *checks_system.CHECKS,
        *checks_config.CHECKS,
        *checks_conformance.CHECKS,
        *plugin_checks(situation, Registry()),
        *checks_state.CHECKS,
        *checks_network.CHECKS,
        *checks_changes.CHECKS,
        *checks_agent.CHECKS,
        *checks_agenthost.CHECKS,
    )
    return tuple(check.done(situation) for check in checks)


def show(findings: Sequence[Finding]) -> None:
    """Write findings in groups, a hint below each that needs one, and one line that sums up."""
    out = console(sys.stdout)
    for group, members in groupby(findings, key=lambda finding: finding.group):
        out.print(Text(group, style="bold"))
        for finding in members:
            for line in _lines(finding):
                out.print(line, soft_wrap=True)
    out.print(Text(f"\n{summary(findings)}", style="bold"))


def _lines(finding: Finding) -> list[Text]:
    mark = Text(f"  {finding.level.value:<9}", style=_STYLES[finding.level])
    lines = [mark + Text(printable(f"{finding.check}: {finding.detail}"), style="not bold")]
    if finding.hint and finding.level in {Level.WARNING, Level.FAILURE}:
        lines.append(Text(printable(f"{'':<11}→ {finding.hint}")))
    return lines


def summary(findings: Sequence[Finding]) -> str:
    """Return one line that counts failures and warnings."""
    levels = [finding.level for finding in findings]
    failures, warnings = levels.count(Level.FAILURE), levels.count(Level.WARNING)
    if not failures and not warnings:
        return "all is well"
    return f"{failures} failure{_s(failures)}, {warnings} warning{_s(warnings)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for programs. Stable: keys are added, never renamed."""
    return {
        "Grade": grade(findings),
        "Findings": [
            {
                "Group": finding.group,
                "Check": finding.check,
                "Level": finding.level.value,
                "Detail": finding.detail,
                "Hint": finding.hint,
            }
            for finding in findings
        ],
    }
