"""Putting secrets back where a request repeats the marks that an answer showed for them.

A mark is taken only if nothing that decides where the secret goes has changed. Which keys decide
that (address, namespace, TLS, mount …) only the provider knows, so all of its keys that are no
secrets must be as they stand.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from ca_core.authority.configuration import Secrets, provider_config, shown
from ca_core.authority.rows import ConfigurationRow
from ca_core.errors import RequestError

MARK = re.compile(r"<hidden:[^<>]*>\Z")
"""What stands in an answer for a secret."""


def has_marks(config: Mapping[str, Any]) -> bool:
    """Say whether a secret is to be put back."""
    return any(_is_mark(value) for value in config.values())


def unhidden(
    provider: str,
    config: Mapping[str, Any],
    standing: ConfigurationRow,
    secrets: Secrets,
    *,
    secret_keys: Collection[str],
) -> dict[str, Any]:
    """Return a provider's keys with every mark replaced by the secret that it stands for. Blocks.

    1. The provider is the same. 2. The mark is the one shown for that key. 3. All keys that are no
    secrets are as they stand.

    Args:
        provider: of the new configuration.
        config: its keys, in our spelling.
        standing: the configuration that stands.
        secrets: where secrets are kept.
        secret_keys: the provider's keys that hold secrets.

    Raises:
        RequestError: a mark cannot be taken; ``field`` is the key to send again.
        UnavailableError: a secret or its key-encryption key is missing.
    """
    marked = [key for key, value in config.items() if _is_mark(value)]
    if not marked:
        return dict(config)
    if provider != standing.provider:  # (1)
        raise _send_again(marked[0], "the provider is another one")
    known = shown(standing)
    for key in marked:
        if known.get(key) != config[key]:  # (2)
            raise _send_again(key, "this mark is not the one shown for it")
    for key in sorted({*config, *known} - set(secret_keys)):
        if config.get(key) != known.get(key):  # (3)
            raise _send_again(marked[0], f"{key} has changed, and may decide where it goes")
    revealed = provider_config(standing, secrets)
    return {key: revealed[key] if key in marked else value for key, value in config.items()}


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and MARK.match(value) is not None


def _send_again(key: str, why: str) -> RequestError:
    return RequestError(f"send the secret itself: {why}", field=key)
