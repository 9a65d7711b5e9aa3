"""SIGHUP at an agent: what of its configuration changes while it runs, and what cannot."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict

from ca_core.config.model import Config
from ca_core.errors import Error

_log = logging.getLogger("ca_core.api")

_USED_ONCE = frozenset({"agent.join_token_file"})
"""Keys that mean nothing to an agent that runs."""


@dataclass(frozen=True, slots=True)
class Live:
    """A part of the configuration that may change while the agent runs.

    Attributes:
        key: as in the file, with its section.
        prepared: reads what the part needs, and returns what applies it on the event loop; blocks,
            raises ``Error`` if the part cannot be applied. Applying it raises nothing.
    """

    key: str
    prepared: Callable[[Config], Callable[[], None]]


class AgentReload:
    """The configuration of a running agent. Lives on one event loop.

    Args:
        config: what holds since the start.
        live: what may change.

    Attributes:
        load: reads file, environment and flags anew; blocks, raises ``ConfigError``.
    """

    def __init__(self, config: Config, live: Sequence[Live]) -> None:
        self.load: Callable[[], Config] = lambda: config
        self._started_with = _keys_of(config)
        self._live = tuple(live)
        self._waiting: tuple[str, ...] = ()
        self._error = ""

    async def applied(self) -> None:
        """Apply what stands in the file now; all of it or, if any of it is wrong, nothing.

        Nothing is raised: whoever sent the signal reads logs.
        """
        try:
            config, changes = await asyncio.to_thread(self._prepared)
        except Error as error:
            self._error = str(error)
            _log.error("the configuration is not applied: %s", error)
            return
        for change in changes:
            change()
        self._error = ""
        self._waiting = self._unapplied(_keys_of(config))
        _log.info("the configuration was read and applied")
        for key in self._waiting:
            _log.warning("%s has changed: that takes a restart", key)

    def describe(self) -> Mapping[str, object]:
        """Return what differs from the file that was read last, in the shape of an answer."""
        return {"needs_restart": self._waiting, "last_error": self._error}

    def _prepared(self) -> tuple[Config, tuple[Callable[[], None], ...]]:
        config = self.load()
        return config, tuple(each.prepared(config) for each in self._live)

    def _unapplied(self, now: Mapping[str, Any]) -> tuple[str, ...]:
        live = {each.key for each in self._live} | _USED_ONCE
        before = self._started_with
        return tuple(key for key in sorted(now) if key not in live and now[key] != before[key])


def _keys_of(config: Config) -> dict[str, Any]:
    """Return what concerns an agent, by key."""
    sections = {"agent": config.agent, "authorize": config.authorize, "log": config.log}
    found: dict[str, Any] = {"datacenter": config.datacenter, "services": config.services}
    for name, section in sections.items():
        found |= {f"{name}.{key}": value for key, value in asdict(section).items()}
    return found
