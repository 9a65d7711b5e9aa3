"""What ``ca-core service register`` sends: bodies of Consul's API, from a file or from options."""

import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.servicetables import plain_table, registrations_in
from ca_core.errors import ConfigError, RequestError

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A service as the options describe it; '' and 0 say nothing."""

    name: str = ""
    id: str = ""
    port: int = 0
    address: str = ""
    tags: tuple[str, ...] = ()
    meta: tuple[str, ...] = ()
    native: bool = False
    sidecar: bool = False
    checks: tuple[Body, ...] = ()

    def body(self) -> Body:
        """Return the body; only what was said is in it.

        Raises:
            RequestError: meta data that is no KEY=VALUE.
        """
        connect: Body = {"Native": True} if self.native else {}
        connect |= {"SidecarService": {}} if self.sidecar else {}
        said: Body = {
            "Name": self.name,
            "ID": self.id,
            "Port": self.port,
            "Address": self.address,
            "Tags": list(self.tags),
            "Meta": dict(_pair(text) for text in self.meta),
            "Connect": connect,
            "Checks": list(self.checks),
        }
        return {key: value for key, value in said.items() if value}


def checks_of(
    *, http: str | None, tcp: str | None, ttl: str | None, interval: str
) -> tuple[Body, ...]:
    """Return the checks that the options describe: one of each kind at most."""
    run = {"HTTP": http, "TCP": tcp}
    found: list[Body] = [{key: what, "Interval": interval} for key, what in run.items() if what]
    return (*found, {"TTL": ttl}) if ttl else tuple(found)


def wanted_bodies(file: str | None, described: Described) -> tuple[Body, ...]:
    """Return the bodies to send: those of the file, or the one that is described.

    Raises:
        RequestError: neither, or both.
        ConfigError: the file cannot be read, holds something else, or a table of it cannot be
            registered; names the file, the table and the key.
    """
    if file is None:
        if not described.name:
            raise RequestError("name a FILE, or say --name NAME", field="--name")
        return (described.body(),)
    if described != Described():
        raise RequestError("what the file does not say cannot be added here", field="FILE")
    return _bodies_in(file)


def _bodies_in(file: str) -> tuple[Body, ...]:
    """Return what a file registers, as JSON has it; all of it is checked before any is sent."""
    tables = _tables_in(file)
    try:
        for place, table in tables.items():
            registrations_in(table, LocalState(), None, where=place)
    except ConfigError as error:
        raise ConfigError(str(error), where=file, hint=error.hint) from None
    return tuple(plain_table(table) for table in tables.values())


def _tables_in(file: str) -> dict[str, Body]:
    """Return tables by place: one body, or what Consul calls a service definition."""
    found = _content(file)
    if not isinstance(found, dict):
        raise ConfigError("expected one object", where=file)
    listed = found.get("services", found.get("Services"))
    single = found.get("service", found.get("Service"))
    if listed is None:
        return {"": _table(found, file)} if single is None else {"service": _table(single, file)}
    if not isinstance(listed, list):
        raise ConfigError("expected a service, or a list of them", where=file)
    return {f"services[{at}]": _table(each, file) for at, each in enumerate(listed)}


def _table(found: Any, file: str) -> Body:
    if not isinstance(found, dict):
        raise ConfigError("expected a service, or a list of them", where=file)
    return found


def _content(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        return tomllib.loads(text) if file.endswith(".toml") else json.loads(text)
    except OSError as error:
        raise ConfigError((error.strerror or "cannot be read").lower(), where=file) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"cannot be read: {error}", where=file) from None


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise RequestError(f"write KEY=VALUE, not {text[:40]!r}", field="--meta")
    return key, value
