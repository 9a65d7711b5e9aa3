"""Import one plugin, and let a provider read its configuration; run in a child process.

``python -m ca_core.cli.provider_probe [--hooks | --import-only | --online] NAME`` with JSON on
standard input: ``{"config": …, "trust_domain": …, "datacenter": …, "seconds": …}``, all optional.
Ends with 0 and one line of JSON that says what was found, or with 1 and ``{"error": …, "hint": …,
"code": …}``, the code being the one for the command that tries it.
Whatever the plugin prints goes to standard error.
"""

import argparse
import json
import logging
import os
import sys
from datetime import datetime, timedelta
from typing import IO, Any

from ca_core.api.keysource import ephemeral_keys
from ca_core.authority.bringup import new_id
from ca_core.authority.healthrules import health_fault
from ca_core.authority.loading import fault_of
from ca_core.authority.plugintrace import trace_wanted_by
from ca_core.authority.registry import Registry
from ca_core.cli.exitcodes import exit_code_of
from ca_core.clock import SystemClock
from ca_core.contract import (
    Credential,
    Findings,
    ProbeRequest,
    Provider,
    ProviderContext,
    ProviderPlugin,
    Role,
    TrustDomain,
)
from ca_core.errors import ConfigError, Error, ProviderError
from ca_core.state.memory import MemoryEngine
from ca_core.state.providerstate import StoredProviderState
from ca_core.state.secrets import EncryptedSecrets
from ca_core.state.store import Store
from ca_core.telemetry.credentials import hours_left
from ca_core.telemetry.logs import redacted, set_up_logging
from ca_core.wire.times import wire_time

PLACEHOLDER = "check.invalid"
"""Trust domain of a cluster that has not drawn its own. Source: RFC 2606 for ``invalid``."""


def main() -> int:
    """Probe the plugin named on the command line; return the exit code."""
    options = _parser().parse_args()
    answer = _answer_stream()
    trace = trace_wanted_by(os.environ)
    if trace:
        set_up_logging("info", "text")
    job = json.loads(sys.stdin.read() or "{}")
    registry = Registry(trace=trace)
    try:
        told = _told(registry, options, job)
    except Error as error:
        told = _failure(options.name, error)
    print(json.dumps(told), file=answer, flush=True)
    return int("error" in told)


def _failure(name: str, error: Error) -> dict[str, Any]:
    """Return an error as the answer; one without a place or the plugin's name gets it."""
    named = isinstance(error, ConfigError) or name in str(error)
    text = str(error) if named else f"provider {name!r}: {error}"
    return {"error": text, "hint": error.hint, "code": int(exit_code_of(error))}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="provider_probe")
    parser.add_argument("--hooks", action="store_true")
    parser.add_argument("--import-only", action="store_true")
    parser.add_argument("--online", action="store_true")
    parser.add_argument("name")
    return parser


def _answer_stream() -> IO[str]:
    """Return standard output, and leave to the plugin only standard error."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answer


def _told(registry: Registry, options: argparse.Namespace, job: dict[str, Any]) -> dict[str, Any]:
    name, config = options.name, job.get("config", {})
    if options.hooks:
        found = registry.hook_plugin(name)
        return {"reviews": found.reviews, "observes": found.observes}
    plugin = registry.get(name)
    if not options.import_only:
        _asked(name, "parse_config()", lambda: plugin.parse_config(config))
    return _descriptor(plugin) | (_online(name, plugin, job) if options.online else {})


def _descriptor(plugin: ProviderPlugin[Any]) -> dict[str, Any]:
    return {
        "api_version": plugin.api_version,
        "capabilities": sorted(str(one) for one in plugin.capabilities),
    }


def _online(name: str, plugin: ProviderPlugin[Any], job: dict[str, Any]) -> dict[str, Any]:
    """Ask a provider what it sees; its state is empty and goes with this process."""
    with Store(MemoryEngine()) as store:
        context = _context(name, store, job)
        provider = _asked(name, "opening it", lambda: plugin.open(job.get("config", {}), context))
        try:
            return _seen(name, provider, timedelta(seconds=job.get("seconds", 10)))
        finally:
            _asked(name, "close()", provider.close)


def _seen(name: str, provider: Provider, limit: timedelta) -> dict[str, Any]:
    request = ProbeRequest(request_id=new_id("check"), deadline=SystemClock().now() + limit)
    found = _asked(name, "probe()", lambda: provider.probe(request))
    health = _asked(name, "health()", lambda: provider.health(deep=True))
    if fault := _fault_of(found, health):
        text = f"provider {name!r}: {fault}; this is a bug of the provider"
        raise ProviderError(text, hint="report it to the provider's author")
    return {
        "exists": bool(found.exists),
        "missing": [str(one) for one in found.missing_permissions],
        "limits": {str(key): str(value) for key, value in found.limits.items()},
        "notes": [str(one) for one in found.notes],
        "healthy": bool(health.ok),
        "message": redacted(str(health.message)),
        "details": {str(key): redacted(str(value)) for key, value in health.details.items()},
        "credential": _credential(health.credential, SystemClock().now()),
    }


def _credential(found: Credential | None, now: datetime) -> dict[str, Any] | None:
    """Return a credential as ``provider check`` shows it; see ``ca_core.cli.credential``."""
    if found is None:
        return None
    return {
        "Ends": wire_time(found.ends) if found.ends else None,
        "HoursLeft": hours_left(found, now),
        "Failures": found.failures,
        "LastError": redacted(found.last_error),
    }


def _fault_of(found: object, health: object) -> str:
    if not isinstance(found, Findings):
        return f"probe() returned {type(found).__name__}, not Findings"
    return health_fault(health)


def _asked(name: str, what: str, call: Any) -> Any:
    """Return what third-party code answers; what it should not raise is named without its text."""
    try:
        return call()
    except Error:
        raise
    except (Exception, SystemExit) as error:
        text = f"provider {name!r}: {what} raised {fault_of(error)}; this is a bug of the provider"
        raise ProviderError(text, hint="report it to the provider's author") from error


def _context(name: str, store: Store, job: dict[str, Any]) -> ProviderContext:
    return ProviderContext(
        trust_domain=TrustDomain(job.get("trust_domain") or PLACEHOLDER),
        datacenter=job.get("datacenter", "dc1"),
        role=Role.PRIMARY,
        authority_id=new_id("check"),
        clock=SystemClock(),
        state=StoredProviderState(store, name),
        secrets=EncryptedSecrets(store, ephemeral_keys(), name),
        logger=logging.getLogger(f"ca_core.provider.{name}"),
    )


if __name__ == "__main__":
    sys.exit(main())
