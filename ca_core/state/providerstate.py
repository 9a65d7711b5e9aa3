"""A provider's small durable strings, one namespace per provider, shown to operators."""

import re

from ca_core.errors import RequestError
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store
from ca_core.state.view import View

PROVIDER_STATE = "provider_state"
"""The table: key ``<provider>/<key>``, value UTF-8 text."""

MAX_VALUE_BYTES = 64 * 1024
"""Longest value, in bytes of UTF-8."""

_KEY = re.compile(r"[a-z0-9./_-]{1,200}")


class StoredProviderState:
    """A ``ProviderState`` on the table ``provider_state``.

    Args:
        store: where the rows live.
        provider_name: the provider's name (its entry point); no slash.

    Raises:
        RequestError: the name contains a slash or is empty.
    """

    def __init__(self, store: Store, provider_name: str) -> None:
        if not provider_name or "/" in provider_name:
            raise RequestError(f"{provider_name!r} cannot be a provider's name", field="provider")
        self._store = store
        self._prefix = f"{provider_name}/"

    def get(self, key: str) -> str | None:
        """Return the value, or None.

        Raises:
            RequestError: the key has a wrong shape.
        """
        return self._value(self._store.snapshot, self._full(key))

    def create(self, key: str, value: str) -> str:
        """Write ``value`` if the key is free; return the value that stands.

        Raises:
            RequestError: the key or the value has a wrong shape.
            UnavailableError: the store cannot be written now.
            OutcomeUnknownError: the backend does not answer; call again, that is safe.
        """
        return self._store.create(PROVIDER_STATE, self._full(key), _encoded(value)).decode()

    def replace(self, key: str, old: str, new: str | None) -> bool:
        """Write ``new`` (None deletes) if the value is still ``old``; return whether it was.

        Raises:
            RequestError: the key or the value has a wrong shape.
            UnavailableError: the store cannot be written now.
            OutcomeUnknownError: the backend did not answer; read to know.
        """
        full = self._full(key)
        change = Change(PROVIDER_STATE, full, None if new is None else _encoded(new))

        def replacement(view: View) -> Transaction | None:
            row = view.get(PROVIDER_STATE, full)
            if row is None or row.value.decode() != old:
                return None
            return Transaction(changes=(change,), expect={(PROVIDER_STATE, full): row.version})

        return self._store.update(replacement) is not None

    def keys(self, prefix: str = "") -> tuple[str, ...]:
        """Return the keys that begin with ``prefix``, sorted."""
        whole = self._prefix + prefix
        rows = self._store.snapshot.table(PROVIDER_STATE)
        return tuple(sorted(k.removeprefix(self._prefix) for k in rows if k.startswith(whole)))

    def _full(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise RequestError(f"{key!r} does not match {_KEY.pattern}", field="key")
        return self._prefix + key

    @staticmethod
    def _value(view: View, full: str) -> str | None:
        row = view.get(PROVIDER_STATE, full)
        return None if row is None else row.value.decode()


def _encoded(value: str) -> bytes:
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise RequestError("is not text that UTF-8 can hold", field="value") from error
    if len(encoded) > MAX_VALUE_BYTES:
        message = f"has {len(encoded)} bytes, at most {MAX_VALUE_BYTES}"
        raise RequestError(message, field="value")
    return encoded
