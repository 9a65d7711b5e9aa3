"""What the store says about signing, read once for each of its states and not for each leaf."""

from ca_core.authority.rows import AuthorityRow, SignerRow, current_signer, issuing_chain
from ca_core.state.kek import KeyRing
from ca_core.state.reading import Reading
from ca_core.state.secrets import needed_keys
from ca_core.state.store import Store
from ca_core.state.view import View

Signing = tuple[AuthorityRow, SignerRow]
"""What signs: an authority and its signer."""


class Standing:
    """Answers for the newest state of a store. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._signing = Reading(_signing)
        self._needed = Reading(_needed)
        self._chains = Reading(_chain)

    def signing(self) -> Signing | None:
        """Return what signs now, or None before the first authority is ready."""
        return self._signing.of(self._store.snapshot, None)

    def missing_keys(self, keyring: KeyRing) -> tuple[str, ...]:
        """Return the ids that stored secrets name and the ring lacks, sorted."""
        return keyring.missing(self._needed.of(self._store.snapshot, None))

    def chain(self, signing: Signing) -> str:
        """Return PEM of what follows a leaf of this signer, as ``issuing_chain``."""
        return self._chains.of(self._store.snapshot, signing)


def _signing(view: View, _: None) -> Signing | None:
    return current_signer(view)


def _needed(view: View, _: None) -> tuple[str, ...]:
    return needed_keys(view)


def _chain(view: View, signing: Signing) -> str:
    return issuing_chain(view, *signing)
