"""Showing an open provider's guard the signers that it has not seen.

Those of a former life of this server, of another server, or of a provider that was closed and
opened anew: the guard judges nothing by a signer that it does not know.
"""

from weakref import WeakKeyDictionary

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.rows import SIGNERS, AuthorityRow, SignerRow
from ca_core.authority.slot import ProviderSlot
from ca_core.contract.answers import Signer, TrustChain
from ca_core.identity.certificates import fingerprint
from ca_core.state.store import Store


class Introductions:
    """Remembers, for each provider that is open, which signers its guard was shown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: WeakKeyDictionary[GuardedProvider, set[str]] = WeakKeyDictionary()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return sum(map(len, self._made.values()))

    async def make(self, slot: ProviderSlot, authority: AuthorityRow, signer: SignerRow) -> None:
        """Show the guard of an open provider a signer, once.

        Raises:
            GuardError: the signer does not lead to its authority's anchor.
            NotReadyError: the provider is not open.
        """
        made = self._made.setdefault(slot.provider, set())
        if signer.id in made:
            return
        known = Signer(signer.id, signer.certificates)
        chain = TrustChain(authority.certificates)
        bundles = (frozenset({fingerprint(authority.anchor_certificate)}),)
        await slot.call(lambda guard: guard.adopt_signer(known, chain, bundles))
        made.intersection_update(self._store.snapshot.table(SIGNERS))  # the others have left
        made.add(signer.id)
