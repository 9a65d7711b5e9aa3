"""``ca-core provider check``: is the configuration understood, and what does the provider see?"""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ca_core.cli.credential import in_words, is_well
from ca_core.cli.options import ConfigOption, Output, OutputOption
from ca_core.cli.output import print_facts, print_json, progress
from ca_core.cli.teaching import TaughtCommand

_EPILOG = """
Examples:
  ca-core provider check builtin --config ca-core.toml
  ca-core provider check vault --config ca-core.toml --online
  ca-core provider check vault --online --timeout 30 --output json | jq .Online

Without --online nothing is asked of any backend. With it the provider is opened and looks around:
it changes nothing, and it does not know what this cluster made before.
Ends with 6 if permissions are missing, the provider is not well, or its credential at the backend
cannot be renewed. Hours alone fail nothing: a token of one hour that is renewed never has more.
"""


def add_to(app: typer.Typer) -> None:
    """Add this command to the group ``provider``."""
    app.command(cls=TaughtCommand, epilog=_EPILOG)(check)


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `provider list` shows it.")],
    config: ConfigOption = None,
    online: Annotated[
        bool, typer.Option("--online", help="Open it, and ask its backend what there is.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="For all of it.")
    ] = 10.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check that a provider can be imported and understands the configuration file."""
    with progress("checking"):
        found = _tried(name, config, online=online, limit=timedelta(seconds=timeout))
    if output is Output.JSON:
        print_json(found.as_json())
    else:
        print_facts(found.facts())
    raise typer.Exit(0 if found.is_well else 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What the child found; ``online`` is None if nothing was asked of a backend."""

    origin: Any
    file: str
    api_version: int
    capabilities: list[str]
    online: dict[str, Any] | None

    @property
    def is_well(self) -> bool:
        """Say whether nothing speaks against using it."""
        seen = self.online
        if seen is None:
            return True
        works = seen["Healthy"] and not seen["MissingPermissions"]
        return bool(works and is_well(seen["Credential"]))

    def as_json(self) -> dict[str, Any]:
        """Return what programs get; see ``ca_core.cli.answers``."""
        return {
            "Name": self.origin.name,
            "Package": self.origin.distribution,
            "Version": self.origin.version,
            "EntryPoint": self.origin.entry_point,
            "APIVersion": self.api_version,
            "Capabilities": self.capabilities,
            "Config": self.file,
            "OK": self.is_well,
            "Online": self.online,
        }

    def facts(self) -> list[tuple[str, str]]:
        """Return what people see."""
        return [
            ("provider", str(self.origin)),
            ("API version", str(self.api_version)),
            ("capabilities", ", ".join(self.capabilities) or "signs leaves, nothing beyond"),
            ("[ca.config]", f"understood ({self.file or 'no file: every key has its default'})"),
            *(_online_facts(self.online) if self.online is not None else ()),
        ]


def _tried(name: str, file: Path | None, *, online: bool, limit: timedelta) -> _Checked:
    from ca_core.authority.registry import Registry  # noqa: PLC0415 - help needs none of it
    from ca_core.cli.probing import Trial  # noqa: PLC0415 - help needs none of it
    from ca_core.config import find_config_file, load_config  # noqa: PLC0415 - help needs none

    found = find_config_file(file)
    config = load_config(found)
    _refuse_another(name, config.ca.provider, str(found) if found else "")
    origin = Registry().origin(name)
    told = Trial(
        name=name,
        how=("--online",) if online else (),
        job={
            "config": config.ca.config,
            "trust_domain": config.server.trust_domain,
            "datacenter": config.datacenter,
            "seconds": limit.total_seconds(),
        },
        limit=limit,
        environment=os.environ,
    ).done()
    return _Checked(
        origin=origin,
        file=str(found) if found else "",
        api_version=told["api_version"],
        capabilities=told["capabilities"],
        online=_seen(told) if online else None,
    )


def _refuse_another(name: str, configured: str, file: str) -> None:
    """Refuse a file whose [ca.config] is another provider's: its keys would mean nothing."""
    from ca_core.authority.registry import ALIASES  # noqa: PLC0415 - help needs none of it
    from ca_core.errors import ConfigError  # noqa: PLC0415 - help needs none of it

    if ALIASES.get(name, name) != ALIASES.get(configured, configured):
        raise ConfigError(
            f"{file or 'without a file, the default'} configures {configured!r}, not {name!r}",
            where="ca.provider",
            hint=f'set provider = "{name}" below [ca], or name another file with --config FILE',
        )


def _seen(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "Exists": told["exists"],
        "MissingPermissions": told["missing"],
        "Limits": told["limits"],
        "Notes": told["notes"],
        "Healthy": told["healthy"],
        "Message": told["message"],
        "Details": told["details"],
        "Credential": told["credential"],
    }


def _online_facts(seen: dict[str, Any]) -> list[tuple[str, str]]:
    details = [f"{key}: {value}" for key, value in seen["Details"].items()]
    health = "well" if seen["Healthy"] else "not well"
    return [
        ("health", "\n".join([": ".join(filter(None, (health, seen["Message"]))), *details])),
        ("credential", in_words(seen["Credential"])),
        ("authority", "exists" if seen["Exists"] else "is not there yet"),
        ("permissions", "\n".join(seen["MissingPermissions"]) or "none missing"),
        ("limits", "\n".join(f"{key}: {value}" for key, value in seen["Limits"].items()) or "none"),
        ("notes", "\n".join(seen["Notes"]) or "none"),
    ]
