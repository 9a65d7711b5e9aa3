"""What the core lends to a provider, in memory: so that a provider is tested without a server."""

import logging
import re
import threading

from ca_core.contract import (
    Clock,
    ProviderContext,
    ProviderState,
    RequestError,
    Role,
    SecretStore,
    TrustDomain,
)
from ca_core.testing.clock import FakeClock

TRUST_DOMAIN = TrustDomain("11111111-2222-3333-4444-555555555555.consul")
"""The trust domain of ``provider_context`` unless told otherwise."""

_KEY = re.compile(r"[a-z0-9./_-]{1,200}\Z")
_MAX_VALUE = 64 * 1024


class MemoryProviderState:
    """A ``ProviderState`` in memory; lend one object to two contexts to play two servers."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        """Return the value, or None.

        Raises:
            RequestError: the key has a wrong shape.
        """
        return self._values.get(_checked_key(key))

    def create(self, key: str, value: str) -> str:
        """Write ``value`` if the key is free; return the value that stands.

        Raises:
            RequestError: the key or the value has a wrong shape.
        """
        with self._lock:
            return self._values.setdefault(_checked_key(key), _checked_value(value))

    def replace(self, key: str, old: str, new: str | None) -> bool:
        """Write ``new`` (None deletes) if the value is still ``old``; return whether it was.

        Raises:
            RequestError: the key or the value has a wrong shape.
        """
        with self._lock:
            if self._values.get(_checked_key(key)) != old:
                return False
            if new is None:
                del self._values[key]
            else:
                self._values[key] = _checked_value(new)
            return True

    def keys(self, prefix: str = "") -> tuple[str, ...]:
        """Return the keys that begin with ``prefix``, sorted."""
        with self._lock:
            return tuple(sorted(key for key in self._values if key.startswith(prefix)))


class MemorySecrets:
    """A ``SecretStore`` in memory; its repr shows names only."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MemorySecrets({', '.join(self.names())})"

    def get(self, name: str) -> bytes | None:
        """Return the secret, or None.

        Raises:
            RequestError: the name has a wrong shape.
        """
        return self._values.get(_checked_key(name))

    def create(self, name: str, value: bytes) -> bytes:
        """Keep ``value`` if the name is free; return the secret that stands.

        Raises:
            RequestError: the name has a wrong shape.
        """
        with self._lock:
            return self._values.setdefault(_checked_key(name), value)

    def delete(self, name: str) -> None:
        """Forget the secret; a name that is not there is fine.

        Raises:
            RequestError: the name has a wrong shape.
        """
        with self._lock:
            self._values.pop(_checked_key(name), None)

    def names(self) -> tuple[str, ...]:
        """Return the names of what is kept, sorted; for counting in tests."""
        with self._lock:
            return tuple(sorted(self._values))


def provider_context(
    authority_id: str = "authority-1",
    *,
    state: ProviderState | None = None,
    secrets: SecretStore | None = None,
    clock: Clock | None = None,
    role: Role = Role.PRIMARY,
    trust_domain: TrustDomain = TRUST_DOMAIN,
) -> ProviderContext:
    """Return a context for one provider object; what is not given is new and in memory.

    Give one ``state`` and ``secrets`` to two contexts, and they are two servers of one cluster.
    """
    return ProviderContext(
        trust_domain=trust_domain,
        datacenter="dc1" if role is Role.PRIMARY else "dc2",
        role=role,
        authority_id=authority_id,
        clock=FakeClock() if clock is None else clock,
        state=MemoryProviderState() if state is None else state,
        secrets=MemorySecrets() if secrets is None else secrets,
        logger=logging.getLogger("ca_core.testing.provider"),
    )


def _checked_key(key: str) -> str:
    if not _KEY.match(key):
        raise RequestError(f"{key[:80]!r} is not a key: 1 to 200 of a-z 0-9 . / _ -", field="key")
    return key


def _checked_value(value: str) -> str:
    if len(value.encode()) > _MAX_VALUE:
        raise RequestError("a value holds at most 64 KiB", field="value")
    return value
