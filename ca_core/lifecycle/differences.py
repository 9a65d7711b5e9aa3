"""Which settings differ between two configurations, in words that show no secret; pure."""

import json
from collections.abc import Collection, Mapping

from ca_core.authority.configuration import common_settings
from ca_core.authority.settings import CASettings
from ca_core.fields import Secret

_LONGEST = 60
"""Characters of a value that are shown; certificates are longer."""

_NOTHING = "(none)"


def differences(
    standing: CASettings, wanted: CASettings, secret_keys: Collection[str] | None
) -> tuple[str, ...]:
    """Return the settings that differ, as ``key: old → new``; secrets only as ``key: changed``.

    Args:
        standing: secrets in clear.
        wanted: secrets in clear.
        secret_keys: keys of the providers that hold secrets; None if nobody can say, so that every
            key of theirs counts as one.
    """
    providers = _changed({"provider": standing.provider}, {"provider": wanted.provider}, ())
    common = _changed(common_settings(standing), common_settings(wanted), ())
    hidden = {*standing.config, *wanted.config} if secret_keys is None else frozenset(secret_keys)
    own = _changed(standing.config, wanted.config, hidden)
    return (*providers, *common, *(f"config.{line}" for line in own))


def _changed(
    old: Mapping[str, object], new: Mapping[str, object], hidden: Collection[str]
) -> tuple[str, ...]:
    keys = [*old, *(key for key in new if key not in old)]
    return tuple(
        _line(key, old.get(key), new.get(key), is_secret=key in hidden)
        for key in keys
        if old.get(key) != new.get(key)
    )


def _line(key: str, old: object, new: object, *, is_secret: bool) -> str:
    if is_secret or isinstance(old, Secret) or isinstance(new, Secret):
        return f"{key}: changed"
    return f"{key}: {_text(old)} → {_text(new)}"


def _text(value: object) -> str:
    """Return a value on one line, shortened; what JSON does not know is not shown."""
    if value is None:
        return _NOTHING
    if not isinstance(value, str):
        value = json.dumps(value, default=lambda _: "…")
    line = " ".join(value.split()) or '""'
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
