"""Providers that go wrong only after a long time, or at scale."""

import os
from datetime import timedelta
from typing import ClassVar

from ca_core.contract import SignerUnknownError, signer_name
from tests.conformance.broken.hostility import small
from tests.conformance.broken.reissuing import reissued
from tests.conformance.broken.small import SmallProvider

TURNS = 1000
CLEANED = 20
SEEN = 40
QUIET = timedelta(days=10)


class SerialsTurn(SmallProvider):
    """Counts serial numbers with a counter that begins anew after a thousand."""

    def __init__(self, context):
        super().__init__(context)
        self.start = int.from_bytes(os.urandom(14), "big") << 10
        self.count = 0

    def sign_leaf(self, request):
        """Take the next number, well mixed."""
        leaf, key = super().sign_leaf(request), self.kept.signer(request.signer).pair.key
        self.count = (self.count + 1) % TURNS
        mixed = (self.start ^ self.count * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**127
        return reissued(leaf, key, serial=mixed)


class TiresOfCleaning(SmallProvider):
    """Removes keys of retired signers, up to a number of them."""

    def retire_signer(self, request):
        """Count the retired."""
        secret = f"authority/{self.context.authority_id}/{signer_name(request.id)}"
        key = self.context.secrets.get(secret)
        super().retire_signer(request)
        known = self.context.state.keys(f"authority/{self.context.authority_id}/")
        retired = [name for name in known if name.endswith("/retired")]
        if key is not None and len(retired) > CLEANED:
            self.context.secrets.create(secret, key)


class KnowsFortyAuthorities(SmallProvider):
    """Remembers the last forty authorities that made a signer, in a table for all objects."""

    LAST: ClassVar[list[str]] = []

    def prepare_signer(self, request):
        """Forget the oldest."""
        signer = super().prepare_signer(request)
        if self.context.authority_id not in self.LAST:
            self.LAST.append(self.context.authority_id)
        del self.LAST[:-SEEN]
        return signer

    def sign_leaf(self, request):
        """Look the authority up."""
        if len(self.LAST) >= SEEN and self.context.authority_id not in self.LAST:
            raise SignerUnknownError(request.signer)
        return super().sign_leaf(request)


class DropsQuietSigners(SmallProvider):
    """Takes a signer that was made ten days ago for one of the past, once there were many."""

    def __init__(self, context):
        super().__init__(context)
        self.made = {}

    def prepare_signer(self, request):
        """Note when."""
        self.made.setdefault(request.id, self.context.clock.now())
        return super().prepare_signer(request)

    def sign_leaf(self, request):
        """Look how old it is."""
        made = self.made.get(request.signer, self.context.clock.now())
        if len(self.made) > 3 and self.context.clock.now() - made > QUIET:
            raise SignerUnknownError(request.signer)
        return super().sign_leaf(request)


BROKEN = (
    small("serials-turn", "a counter runs over", SerialsTurn, "soak.serials", later=True),
    small("tires-of-cleaning", "leaves old keys", TiresOfCleaning, "soak.rotations", later=True),
    small(
        "knows-forty-authorities",
        "forgets all but forty authorities",
        KnowsFortyAuthorities,
        "soak.authorities",
        later=True,
    ),
    small("drops-quiet-signers", "drops old signers", DropsQuietSigners, "soak.months", later=True),
)
