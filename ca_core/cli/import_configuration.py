"""A CA configuration of Consul as a plan of the change to it: looked at, never applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ca_core.api.consul_spelling import provider_named, section_from
from ca_core.authority.registry import Registry
from ca_core.cli.client import Client
from ca_core.cli.failures import AnsweredError
from ca_core.cli.operations import SETTINGS
from ca_core.cli.operations import planned as asked
from ca_core.cli.output import progress
from ca_core.errors import ConfigError, RequestError
from ca_core.wire.operations import PlanAnswer

_KEPT = ("trust_corporate_root", "strict_key_usage")
"""Keys for which Consul has no word: they stay as they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a configuration would change.

    Attributes:
        provider: as Consul calls it.
        plan: None if it is refused; ``document`` is the same as it came.
        refusal: why; no secret is in it.
    """

    provider: str
    plan: PlanAnswer | None = None
    document: Any = None
    refusal: str = ""


def planned(client: Client, configuration: Mapping[str, Any]) -> Planned:
    """Return the plan of the change to a configuration, or why there is none.

    Raises:
        UnreachableError: nobody answers.
    """
    provider = str(configuration["Provider"])[:80]
    try:
        section = _section(provider, configuration["Config"])
        body = {"Settings": _kept(client) | section, "FromFile": False, "Wishes": {}}
        with progress("asking the provider what would change"):
            plan, document = asked(client, body)
    except (AnsweredError, ConfigError, RequestError) as error:
        return Planned(provider=provider, refusal=str(error))
    return Planned(provider=provider, plan=plan, document=document)


def _section(provider: str, config: Any) -> dict[str, Any]:
    """Return a configuration as a ``[ca]`` section in our spelling.

    Raises:
        RequestError: a key means something that is not done here.
        ConfigError: no plugin of that name is installed.
    """
    if not isinstance(config, Mapping):
        raise RequestError("must be an object", field="Config")
    name = provider_named(provider)
    return section_from(name, config, Registry().get(name))


def _kept(client: Client) -> dict[str, Any]:
    standing = client.get(SETTINGS).decoded(dict[str, Any]).get("Settings") or {}
    return {key: standing[key] for key in _KEPT if key in standing}
