"""What the reference provider talks to: a certificate store in memory, with unique names."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography import x509

from ca_core.contract import (
    AuthorityRetiredError,
    KeyPair,
    KeySpec,
    PrivateKey,
    RequestError,
    RevokedEntry,
    generate_key,
)

ROOT = ""
"""The name of an authority's primary CA; every other name is a signer's id."""


@dataclass(slots=True)
class Entry:
    """One CA: its key from the beginning, its chain (own certificate first) once it has one."""

    spec: KeySpec
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()
    revoked: dict[int, RevokedEntry] = field(default_factory=dict)
    crl_number: int = 0

    def __repr__(self) -> str:
        return f"Entry({self.spec}, {len(self.chain)} certificates)"

    @property
    def pair(self) -> KeyPair:
        """Return certificate and key; there must be a chain."""
        return KeyPair(self.chain[0], self.key)


class ReferenceBackend:
    """CAs by authority and name. Thread-safe: every method is one atomic step.

    Share one between provider objects, and they are servers on the same backend.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        self._dead: set[tuple[str, str]] = set()
        self._lock = threading.RLock()

    def get(self, authority: str, name: str) -> Entry | None:
        """Return the CA of that name, or None.

        Raises:
            AuthorityRetiredError: the authority was retired.
        """
        with self._lock:
            if (authority, ROOT) in self._dead:
                raise AuthorityRetiredError(authority)
            return self._entries.get((authority, name))

    def ensure(self, authority: str, name: str, spec: KeySpec) -> Entry:
        """Make or return the CA of that name; its key is of ``spec``.

        Raises:
            RequestError: it has another key, or the name was retired.
            AuthorityRetiredError: the authority was retired.
        """
        with self._lock:
            found = self.get(authority, name)
            if (authority, name) in self._dead:
                raise RequestError(f"signer {name!r} was retired", field="id")
            if found is None:
                found = self._entries[authority, name] = Entry(spec, generate_key(spec))
            if found.spec != spec:
                raise RequestError(f"it has key {found.spec}, not {spec}", field="key")
            return found

    def certified(
        self,
        authority: str,
        name: str,
        issue: Callable[[PrivateKey], Sequence[x509.Certificate]],
    ) -> tuple[x509.Certificate, ...]:
        """Give the CA of that name a chain if it has none; return the one it has.

        Raises:
            RequestError: there is no CA of that name.
            AuthorityRetiredError: the authority was retired.
        """
        with self._lock:
            entry = self.get(authority, name)
            if entry is None:
                raise RequestError("no key was made for this id", field="id")
            if not entry.chain:
                entry.chain = tuple(issue(entry.key))
            return entry.chain

    def revoke(self, entry: Entry, revoked: RevokedEntry) -> None:
        """Note one revocation; a second one of the same serial changes nothing."""
        with self._lock:
            entry.revoked.setdefault(revoked.serial, revoked)

    def next_crl(self, entry: Entry) -> tuple[int, tuple[RevokedEntry, ...]]:
        """Return the number of the CRL about to be made, and what it lists."""
        with self._lock:
            entry.crl_number += 1
            return entry.crl_number, tuple(entry.revoked.values())

    def retire(self, authority: str, name: str) -> None:
        """Remove the CA of that name (``ROOT``: all of the authority's); its id is dead."""
        with self._lock:
            self._dead.add((authority, name))
            for key in [key for key in self._entries if key[0] == authority]:
                if name in {ROOT, key[1]}:
                    del self._entries[key]

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return (authority, name) of every CA that exists, sorted; for counting in tests."""
        with self._lock:
            return tuple(sorted(self._entries))
