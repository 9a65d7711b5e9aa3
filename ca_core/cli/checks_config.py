"""``doctor`` on the configuration and on the provider it names."""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

from ca_core.cli.checkup import Check, Level, Situation
from ca_core.config import workload_uids

IMPORT_LIMIT = timedelta(seconds=20)
"""How long a provider may take to be imported and to read its configuration."""


def _file(situation: Situation) -> tuple[Level, str, str]:
    if situation.config_error is not None:
        raise situation.config_error
    if situation.file is None:
        return Level.OK, "no file; every key has its default", ""
    return Level.OK, f"{situation.file} is understood", ""


def _dangerous(situation: Situation) -> tuple[Level, str, str]:
    ca = situation.config.ca
    if ca.unsafe_short_ttls:
        return Level.WARNING, "ca.unsafe_short_ttls is on", "take it out, except in tests"
    if ca.trust_corporate_root:
        return (
            Level.WARNING,
            "ca.trust_corporate_root is on: every CA below that root can mint your identities",
            "take it out; the mesh then trusts your own CA alone",
        )
    return Level.OK, "no dangerous setting is on", ""


def _workloads(situation: Situation) -> tuple[Level, str, str]:
    uids = workload_uids(situation.config.agent)
    if not uids:
        return Level.SKIPPED, "no [agent.workloads]: no local user may have a leaf", ""
    return Level.OK, f"{len(uids)} services, and every user named exists", ""


def _provider(situation: Situation) -> tuple[Level, str, str]:
    """Import the provider in a child process: it may hang, crash or print."""
    name = situation.config.ca.provider
    command = [sys.executable, "-m", "ca_core.cli.provider_probe", name]
    config = json.dumps(situation.config.ca.config, default=str)
    try:
        done = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
            command,
            input=config,
            capture_output=True,
            text=True,
            timeout=IMPORT_LIMIT.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        limit = f"{IMPORT_LIMIT.total_seconds():g} s"
        return Level.FAILURE, f"{name}: importing took over {limit}", "ask its author"
    if done.returncode == 0:
        return Level.OK, f"{name} can be imported and understands [ca.config]", ""
    return told(name, done.stdout)


def told(name: str, answer: str) -> tuple[Level, str, str]:
    """Judge what the child said before it ended: its error, or nothing, if it died."""
    try:
        told: dict[str, Any] = json.loads(answer.splitlines()[-1])
        return (
            Level.FAILURE,
            str(told["error"]),
            str(told["hint"]) or f"ca-core provider show {name}",
        )
    except (ValueError, IndexError, KeyError):
        return (
            Level.FAILURE,
            f"{name}: the process that imported it died",
            f"run: {sys.executable} -m ca_core.cli.provider_probe {name} </dev/null",
        )


CHECKS = (
    Check("configuration", "file", _file),
    Check("configuration", "settings", _dangerous),
    Check("configuration", "workloads", _workloads),
    Check("provider", "import", _provider),
)
