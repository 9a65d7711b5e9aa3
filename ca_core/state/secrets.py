"""Secrets in the store: readable by this program alone, whoever gets the file."""

import re
from collections.abc import Callable, Iterable

from ca_core.errors import RequestError, UnavailableError
from ca_core.state.envelope import kek_id, opened, rewrapped, sealed
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.protocol import MAX_CHANGES, Change, Row, Transaction
from ca_core.state.store import Store
from ca_core.state.view import View

SECRETS = "secrets"
"""The table: key ``<namespace>/<name>``, value a ``SecretRecord``."""

_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9._/:@-]{1,200}")


class EncryptedSecrets:
    """A ``SecretStore`` on the table ``secrets``; its repr names namespace and key ids only.

    Args:
        store: where the records live.
        keyring: gives the keys that are live now, or is a ring that never changes; an empty ring
            opens nothing and keeps nothing.
        namespace: a provider's name; no slash.

    Raises:
        RequestError: the namespace has a wrong shape.
    """

    def __init__(self, store: Store, keyring: Callable[[], KeyRing], namespace: str) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise RequestError(f"{namespace!r} cannot be a namespace", field="namespace")
        self._store = store
        self._keyring = keyring
        self._namespace = namespace

    def __repr__(self) -> str:
        return f"EncryptedSecrets({self._namespace!r}, keys={self._keyring().ids})"

    def get(self, name: str) -> bytes | None:
        """Return the secret, or None.

        Raises:
            UnavailableError: the key-encryption key named in the message is missing, or the record
                was damaged.
            RequestError: the name has a wrong shape.
        """
        full = self._full(name)
        row = self._store.snapshot.get(SECRETS, full)
        return None if row is None else opened(full, row.value, self._keyring())

    def create(self, name: str, value: bytes) -> bytes:
        """Keep ``value`` if the name is free; return the secret that stands, once it is durable.

        Raises:
            UnavailableError: the store cannot be written, no key-encryption key is live, or the
                secret that stands does not open.
            OutcomeUnknownError: the backend does not answer; call again, that is safe.
            RequestError: the name has a wrong shape.
        """
        standing = self.get(name)
        return self._created(self._full(name), value) if standing is None else standing

    def delete(self, name: str) -> None:
        """Forget the secret; a name that is not there is fine.

        Raises:
            UnavailableError: the store cannot be written.
            RequestError: the name has a wrong shape.
        """
        full = self._full(name)

        def removal(view: View) -> Transaction | None:
            if view.get(SECRETS, full) is None:
                return None
            return Transaction(changes=(Change(SECRETS, full, None),))

        self._store.update(removal)

    def _created(self, full: str, value: bytes) -> bytes:
        writer = self._keyring().writer
        if writer is None:
            raise UnavailableError("no key-encryption key is live: nothing can be kept secret")
        record = self._store.create(SECRETS, full, sealed(full, value, writer))
        return opened(full, record, self._keyring())

    def _full(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise RequestError(f"{name!r} cannot be the name of a secret", field="name")
        return f"{self._namespace}/{name}"


def needed_keys(view: View) -> tuple[str, ...]:
    """Return the ids of the key-encryption keys that stored secrets name, sorted."""
    return tuple(sorted({kek_id(*record) for record in _records(view)}))


def missing_keys(view: View, keyring: KeyRing) -> tuple[str, ...]:
    """Return the ids that stored secrets name and the ring lacks, sorted."""
    return keyring.missing(needed_keys(view))


def rekey(store: Store, old_ring: KeyRing, new_kek: Kek) -> int:
    """Wrap every secret's data key by ``new_kek``; return how many this call rewrapped.

    In transactions of at most ``MAX_CHANGES``; interrupted, it goes on where it stopped. Secrets
    created or deleted meanwhile are fine; it returns when none names another key.

    Raises:
        UnavailableError: a record names a key that is not in ``old_ring``, or the store cannot be
            written; what was rewrapped stays so.
    """
    count = batch = 0

    def next_batch(view: View) -> Transaction | None:
        nonlocal batch
        rows = _rows_of_other_keys(view, new_kek)[:MAX_CHANGES]
        batch = len(rows)
        return _rewrapping(rows, old_ring, new_kek) if rows else None

    while store.update(next_batch) is not None:
        count += batch
    return count


def _records(view: View) -> Iterable[tuple[str, bytes]]:
    return ((name, row.value) for name, row in view.table(SECRETS).items())


def _rows_of_other_keys(view: View, kek: Kek) -> list[tuple[str, Row]]:
    rows = view.table(SECRETS).items()
    return [(name, row) for name, row in rows if kek_id(name, row.value) != kek.id]


def _rewrapping(rows: Iterable[tuple[str, Row]], ring: KeyRing, kek: Kek) -> Transaction:
    return Transaction(
        changes=tuple(
            Change(SECRETS, name, rewrapped(name, row.value, ring, kek)) for name, row in rows
        ),
        expect={(SECRETS, name): row.version for name, row in rows},
    )
