"""How the chaos provider is configured: which provider it surrounds, and how it misbehaves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec

from ca_core.authority.registry import Registry
from ca_core.contract import ConfigError, ProviderPlugin, parse_struct
from ca_core.testing.mischief import PROFILES, Mischief

NAME = "chaos"
"""The provider's own name, its entry point."""

LONGEST_STALL = timedelta(seconds=1)
"""A stalled call holds one of the few threads that the provider has."""

_WHERE = "ca.config"


_Odds = Annotated[float, msgspec.Meta(ge=0, le=1)] | None


def _knob(meaning: str) -> msgspec.Meta:
    return msgspec.Meta(description=f"probability 0 to 1 (else the profile's): {meaning}")


class ChaosConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of ``[ca.config]``; a knob that is not set is the profile's."""

    inner: Annotated[
        str, msgspec.Meta(description="name of the installed provider to surround")
    ] = "builtin"
    inner_config: Annotated[
        dict[str, Any],
        msgspec.Meta(
            description="that provider's own configuration",
            extra_json_schema={"writeOnly": True},
        ),
    ] = {}
    seed: Annotated[int, msgspec.Meta(description="the same seed does the same mischief")] = 0
    profile: Annotated[
        Literal["calm", "mild", "rough", "lying"],
        msgspec.Meta(description="how likely each mischief is; lying is more than is legal"),
    ] = "rough"
    streak: Annotated[
        int, msgspec.Meta(ge=0, description="most calls of one kind disturbed in a row")
    ] = 3
    pause: Annotated[timedelta, msgspec.Meta(description="shortest time to come back after")] = (
        timedelta(milliseconds=50)
    )
    stall: Annotated[
        timedelta, msgspec.Meta(description="how long a stalled call blocks, at most 1s")
    ] = timedelta(milliseconds=20)
    rate_limited: Annotated[_Odds, _knob("asked too fast, nothing done")] = None
    unavailable: Annotated[_Odds, _knob("not reachable, nothing done")] = None
    slow: Annotated[_Odds, _knob("answers one to three polls later")] = None
    lost_answer: Annotated[_Odds, _knob("done, but the answer never comes")] = None
    forgotten: Annotated[_Odds, _knob("done, pending, and begun anew")] = None
    stalled: Annotated[_Odds, _knob("blocks its thread")] = None
    short_life: Annotated[_Odds, _knob("less life than asked, at least 55 %")] = None
    repeated: Annotated[_Odds, _knob("a repeat gets the same certificate")] = None
    sick: Annotated[_Odds, _knob("health says no")] = None
    crooked_chain: Annotated[_Odds, _knob("ILLEGAL: chain doubled or reversed")] = None
    swapped_answer: Annotated[_Odds, _knob("ILLEGAL: another request's answer")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrounded:
    """A provider to surround, its configuration read, and how to misbehave.

    Attributes:
        name: the inner provider's name.
        plugin: its descriptor.
        config: its configuration, as its own ``parse_config`` returned it; may hold secrets.
        odds: how likely each mischief is.
        told: the rest of the configuration.
    """

    name: str
    plugin: ProviderPlugin[Any] = field(repr=False)
    config: Any = field(repr=False)
    odds: Mapping[Mischief, float]
    told: ChaosConfig = field(repr=False)


def surrounded(raw: Mapping[str, Any], registry: Registry) -> Surrounded:
    """Return what ``raw`` asks for, with the inner provider's plugin loaded.

    Raises:
        ConfigError: a key is wrong, the inner provider is unknown, is this one, or refuses its
            configuration.
    """
    told = parse_struct(ChaosConfig, raw, where=_WHERE)
    if told.inner == NAME:
        raise ConfigError("chaos does not surround itself", where=f"{_WHERE}.inner")
    if not timedelta() <= told.stall <= LONGEST_STALL:
        raise ConfigError("at most 1s: it holds a thread", where=f"{_WHERE}.stall")
    if told.pause <= timedelta():
        raise ConfigError("must be longer than nothing", where=f"{_WHERE}.pause")
    with _about("inner"):
        plugin = registry.get(told.inner)
    with _about("inner_config"):
        config = plugin.parse_config(told.inner_config)
    return Surrounded(
        name=told.inner,
        plugin=plugin,
        config=config,
        odds=_odds(told),
        told=told,
    )


def check_update(old: Surrounded, new: Surrounded) -> None:
    """Refuse a change in place that the inner provider refuses; which one it is stays.

    Raises:
        ConfigError: another inner provider, or the inner one refuses.
    """
    if old.name != new.name:
        raise ConfigError("what is surrounded stays the same", where=f"{_WHERE}.inner")
    if old.plugin.validate_update is not None:
        old.plugin.validate_update(old.config, new.config)


@contextmanager
def _about(key: str) -> Iterator[None]:
    """Say of a ``ConfigError`` below which key of ours it is about."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(str(error), where=f"{_WHERE}.{key}", hint=error.hint) from None


def _odds(told: ChaosConfig) -> dict[Mischief, float]:
    profile = PROFILES[told.profile]
    chosen = {mischief: getattr(told, mischief) for mischief in Mischief}
    return {
        mischief: profile.get(mischief, 0.0) if odds is None else odds
        for mischief, odds in chosen.items()
    }
