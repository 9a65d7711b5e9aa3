"""Keys and certificate chains kept by name, so that two servers end up with one of each.

A name (``ROOT``, or ``signer_name(id)``) has three records, made in this order::

    state   authority/<authority id>/<name>/key      which key it has, for example ``ec-256``
    secret  authority/<authority id>/<name>          the private key, PKCS#8 DER
    state   authority/<authority id>/<name>/chain    its certificates, PEM, own certificate first

Each is decided by the store's ``create``: two servers may both make a key, the store says which one
stands, and only the standing key gets a certificate. Killed in between, the next call finishes. A
private key without a chain signs nothing: that is a CSR under way.

What was retired leaves one record, ``…/retired``, by which its id is dead, until the core forgets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ca_core.contract.context import ProviderContext
from ca_core.contract.issuing import KeyPair, load_pair
from ca_core.contract.naming import RETIRED, is_retired, record_path, signer_name
from ca_core.contract.storedkeys import key_bytes, load_key
from ca_core.errors import (
    AuthorityRetiredError,
    NotReadyError,
    RequestError,
    SignerUnknownError,
    UnavailableError,
)
from ca_core.identity.certificates import parsed_chain, pem_chain
from ca_core.identity.keys import KeySpec, PrivateKey, generate_key


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept under one name, ready to sign.

    Attributes:
        name: where it is kept.
        chain: own certificate first, then its issuers.
        pair: the first certificate with its private key.
        ends: the earliest NotAfter in the chain, aware UTC; nothing below it may live longer.
    """

    name: str
    chain: tuple[x509.Certificate, ...]
    pair: KeyPair
    ends: datetime

    @property
    def certificate(self) -> x509.Certificate:
        """Return the certificate whose key signs."""
        return self.chain[0]


class Kept:
    """The keys and chains of one authority (``context.authority_id``). Thread-safe.

    A private key is read once per object and remembered; whether it still counts is asked of the
    state every time, so what another server retired signs nothing here either.
    """

    def __init__(self, context: ProviderContext) -> None:
        self._state = context.state
        self._secrets = context.secrets
        self._authority = context.authority_id
        self._loaded: dict[str, Held] = {}

    def made(
        self,
        name: str,
        spec: KeySpec,
        issue: Callable[[PrivateKey], Sequence[x509.Certificate]],
        *,
        make_key: Callable[[], PrivateKey] | None = None,
    ) -> tuple[x509.Certificate, ...]:
        """Return the chain kept under ``name``; make what is missing of it.

        Args:
            name: ``ROOT`` or ``signer_name(id)``.
            spec: the key asked for; it is recorded, and a repeat must ask for the same.
            issue: gives the chain for the key that stands, own certificate first. Called only while
                no chain is kept; the loser of a race sees its result discarded.
            make_key: where the key comes from, if not a new one of ``spec``.

        Raises:
            RequestError: the name is known with another key, or was retired.
            AuthorityRetiredError: the authority was retired.
        """
        self.claim(name, spec)
        chain = self.chain_or_none(name)
        if chain is None:
            chain = self.installed(name, issue(self.key(name, spec, make_key=make_key)))
        return chain

    def key(
        self,
        name: str,
        spec: KeySpec,
        *,
        make_key: Callable[[], PrivateKey] | None = None,
    ) -> PrivateKey:
        """Return the private key of ``name``, durable before this returns; it needs no chain yet.

        Raises:
            RequestError: the name is known with another key, or was retired.
            AuthorityRetiredError: the authority was retired.
        """
        self.claim(name, spec)
        found = self.key_or_none(name)
        if found is not None:
            return found
        made = generate_key(spec) if make_key is None else make_key()
        standing = self._secrets.create(self._path(name), key_bytes(made))
        self._undo_if_retired(name)
        return load_key(standing)

    def key_or_none(self, name: str) -> PrivateKey | None:
        """Return the private key of ``name``, or None."""
        secret = self._secrets.get(self._path(name))
        return None if secret is None else load_key(secret)

    def claim(self, name: str, spec: KeySpec) -> None:
        """Record which key ``name`` has, for ever.

        Raises:
            RequestError: the name is known with another key, or was retired.
            AuthorityRetiredError: the authority was retired.
        """
        self.refuse_retired(name)
        standing = self.standing(name, "key", str(spec))
        if standing != str(spec):
            raise RequestError(f"{name} has key {standing}, not {spec}", field="key")

    def installed(
        self, name: str, chain: Sequence[x509.Certificate]
    ) -> tuple[x509.Certificate, ...]:
        """Keep ``chain`` if none is kept yet; return what stands, which may be another's.

        Raises:
            RequestError: the name was retired.
            AuthorityRetiredError: the authority was retired.
        """
        standing = self.standing(name, "chain", pem_chain(chain))
        self._undo_if_retired(name)
        return parsed_chain(standing)

    def standing(self, name: str, record: str, value: str) -> str:
        """Return what is recorded for ``name``; where nothing is, record ``value``."""
        path = self._path(name, record)
        found = self._state.get(path)
        return self._state.create(path, value) if found is None else found

    def recorded(self, name: str, record: str) -> str | None:
        """Return what is recorded for ``name``, or None."""
        return self._state.get(self._path(name, record))

    def chain_or_none(self, name: str) -> tuple[x509.Certificate, ...] | None:
        """Return the chain kept under ``name`` without touching its key, or None."""
        text = self.recorded(name, "chain")
        return None if text is None else parsed_chain(text)

    def chain(self, name: str) -> tuple[x509.Certificate, ...]:
        """Return the chain kept under ``name`` without touching its key.

        Raises:
            NotReadyError: none is kept.
            AuthorityRetiredError: the authority was retired.
        """
        found = self.chain_or_none(name)
        if found is None:
            self._loaded.pop(name, None)
            raise self._absent(name)
        return found

    def held(self, name: str) -> Held:
        """Return the chain and the private key kept under ``name``.

        Raises:
            NotReadyError: no chain is kept.
            AuthorityRetiredError: the authority was retired.
            UnavailableError: the secret store does not give the key.
        """
        chain = self.chain(name)
        known = self._loaded.get(name)
        if known is None or known.chain != chain:
            known = self._loaded[name] = self._read(name, chain)
        return known

    def signer(self, signer_id: str) -> Held:
        """Return the signer of that id, ready to sign.

        Raises:
            SignerUnknownError: this authority has none.
            AuthorityRetiredError: the authority was retired.
        """
        try:
            return self.held(signer_name(signer_id))
        except (NotReadyError, RequestError):
            raise SignerUnknownError(signer_id) from None

    def names(self) -> tuple[str, ...]:
        """Return every name that has a key record, sorted."""
        prefix = self._path("")
        found = (path.removeprefix(prefix) for path in self._state.keys(prefix))
        return tuple(path.removesuffix("/key") for path in found if path.endswith("/key"))

    def retire_signer(self, signer_id: str) -> None:
        """Remove that signer and nothing else; its id is dead afterwards. Safe to repeat."""
        self.mark_retired(signer_id)
        self._forget(signer_name(signer_id))

    def mark_retired(self, signer_id: str | None = None) -> None:
        """Make the id of a signer, or of the authority, dead; what it had is removed afterwards."""
        name = () if signer_id is None else (signer_name(signer_id),)
        self._state.create(self._path(*name, RETIRED), RETIRED)

    def retire(self) -> None:
        """Remove everything of this authority but the mark that its id is dead. Safe to repeat."""
        self.mark_retired()
        for name in self.names():
            self._forget(name)
        self._remove_records()

    def drop_loaded(self) -> None:
        """Let go of the private keys in memory; they are read again when needed."""
        self._loaded.clear()

    def refuse_retired(self, name: str) -> None:
        """Refuse a name whose id is dead.

        Raises:
            RequestError: the name was retired.
            AuthorityRetiredError: the authority was retired.
        """
        if is_retired(self._state, self._authority):
            raise AuthorityRetiredError(self._authority)
        if self.recorded(name, RETIRED) is not None:
            raise RequestError(f"{name} was retired; its id is never used again", field="id")

    def _undo_if_retired(self, name: str) -> None:
        """Take back what was written after somebody else had retired the name."""
        try:
            self.refuse_retired(name)
        except (AuthorityRetiredError, RequestError):
            self._forget(name)
            raise

    def _absent(self, name: str) -> NotReadyError | AuthorityRetiredError:
        if is_retired(self._state, self._authority):
            return AuthorityRetiredError(self._authority)
        return NotReadyError(f"{name} of {self._authority} does not exist yet")

    def _read(self, name: str, chain: tuple[x509.Certificate, ...]) -> Held:
        key = self.key_or_none(name)
        if key is None:
            raise UnavailableError(f"the private key of {name} of {self._authority} is missing")
        pair = load_pair(chain[0], key)
        return Held(name, chain, pair, min(link.not_valid_after_utc for link in chain))

    def _forget(self, name: str) -> None:
        """Remove the key, then every record but the retired mark."""
        self._loaded.pop(name, None)
        self._secrets.delete(self._path(name))
        self._remove_records(name)

    def _remove_records(self, *name: str) -> None:
        mark = self._path(*name, RETIRED)
        for path in self._state.keys(self._path(*name, "")):
            while path != mark and (old := self._state.get(path)) is not None:
                self._state.replace(path, old, None)

    def _path(self, *parts: str) -> str:
        return record_path(self._authority, *parts)
