"""What was typed for ``provider conformance``: which checks, on what, with which configuration."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ca_core.authority.registry import ALIASES
from ca_core.clock import SystemClock
from ca_core.config import load_config
from ca_core.errors import ConfigError
from ca_core.fields import nearest_hint
from ca_core.identity.keys import ALL_KEY_SPECS, KeySpec
from ca_core.testing import FakeClock
from ca_core.testing.conformance import CHECKS, DEFAULT_KEYS, Check, Level, ProviderUnderTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where to keep what was found; each part may be None."""

    folder: Path | None = None
    passport: Path | None = None
    sign_key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed."""

    name: str
    file: Path | None = None
    other_file: Path | None = None
    level: str = "L2"
    only: tuple[str, ...] = ()
    http_backend: str | None = None
    fake_clock: bool = False
    keys: tuple[str, ...] = ()
    keeping: Keeping = field(default_factory=Keeping)


def subject_of(wanted: Wanted) -> ProviderUnderTest:
    """Return the provider with its configuration from the file.

    Raises:
        ConfigError: the file is wrong or for another provider, or names no such backend.
    """
    name = ALIASES.get(wanted.name, wanted.name)
    raw = _configured(name, wanted.file)
    other = _configured(name, wanted.other_file)
    backend = wanted.http_backend
    if backend is not None and backend not in _texts(raw):
        raise ConfigError(
            f"no key below [ca.config] has the value {backend}",
            where="--http-backend",
            hint="write the URL exactly as the configuration has it",
        )
    return ProviderUnderTest(
        provider=name,
        make_config=lambda address: _through(raw, backend, address),
        other_config=(lambda: other) if wanted.other_file is not None else None,
        backend=backend,
        clock=FakeClock(SystemClock().now().replace(microsecond=0)) if wanted.fake_clock else None,
        keys=tuple(_key(name) for name in wanted.keys) or DEFAULT_KEYS,
    )


def chosen_checks(wanted: Wanted) -> tuple[Check, ...]:
    """Return the checks to run, in their order.

    Raises:
        ConfigError: there is no check of such an id.
    """
    if not wanted.only:
        return CHECKS.up_to(Level[wanted.level])
    return tuple(_check(check_id) for check_id in dict.fromkeys(wanted.only))


def _check(check_id: str) -> Check:
    found = CHECKS.get(check_id)
    if found is None:
        near = nearest_hint(check_id, [check.id for check in CHECKS])
        raise ConfigError(f"there is no check {check_id!r}{near}", where="--only")
    return found


def _key(name: str) -> KeySpec:
    known = {str(key): key for key in ALL_KEY_SPECS}
    if name not in known:
        fault = f"there is no CA key {name!r}{nearest_hint(name, known)}"
        raise ConfigError(fault, where="--ca-key", hint=f"one of {', '.join(known)}")
    return known[name]


def _configured(name: str, file: Path | None) -> Mapping[str, Any]:
    if file is None:
        return {}
    ca = load_config(file).ca
    if ALIASES.get(ca.provider, ca.provider) != name:
        raise ConfigError(
            f"{file} configures {ca.provider!r}, not {name!r}",
            where="ca.provider",
            hint=f'set provider = "{name}" below [ca], or name another file',
        )
    return ca.config


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _through(value: Any, backend: str | None, address: str | None) -> Any:
    """Return the configuration with the backend's URL replaced by the proxy's, at any depth."""
    match value:
        case str() if backend is not None and address is not None and value == backend:
            return address
        case Mapping():
            return {key: _through(inner, backend, address) for key, inner in value.items()}
        case list():
            return [_through(inner, backend, address) for inner in value]
        case _:
            return value
