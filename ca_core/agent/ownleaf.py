"""The agent's own leaf: renewed in time and for a new signer, or rejoined; and its bundle, kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.agent.identitystore import AgentIdentity, IdentityStore
from ca_core.agent.joining import Draw, identity_of, published, rejoined
from ca_core.agent.renewal import Failures, failed, hurried, life_left, retry_width
from ca_core.agent.signing import Signing, signer_of
from ca_core.agent.upstream import Upstream
from ca_core.agent.verification import Wanted, trusted_path
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import Error
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key

log = logging.getLogger(__name__)

Rejoin = Callable[[AgentIdentity, datetime, float], Awaitable[AgentIdentity]]
"""How an expired agent comes back; ``joining.rejoined`` outside tests."""

Published = Callable[[AgentIdentity], Awaitable[Sequence[x509.Certificate]]]
"""What a server gives to strangers; ``joining.published`` outside tests."""

FIRST_SHARE = 0.5
"""Of the time over which leaves are re-issued: an agent that servers refuse gets no others.

Where an agent has one service, half of all leaves are agents' own: in less time they are a herd.
"""

LONGEST_SLEEP = timedelta(seconds=60)
"""The wall clock may be set while we sleep; it is looked at again at least this often."""


class OwnLeaf:
    """Keeps the agent's identity alive. Used from one event loop."""

    def __init__(
        self,
        store: IdentityStore,
        upstream: Upstream,
        clock: Clock,
        draw: Draw,
        rejoin: Rejoin = rejoined,
        ask: Published = published,
    ) -> None:
        self._store = store
        self._upstream = upstream
        self._clock = clock
        self._draw = draw
        self._rejoin = rejoin
        self._ask = ask
        self._was_left_behind = False
        self._failures: Failures | None = None
        self._signing: Signing | None = None
        self._asked_under: Signing | None = None
        self._hurry: tuple[str, datetime] | None = None
        self._bell = Gathering()
        self._saving = asyncio.Lock()

    @property
    def identity(self) -> AgentIdentity:
        """Return who the agent is now."""
        return self._store.current

    async def run(self) -> None:
        """Renew for ever; cancel to end."""
        while True:
            left = self._due() - self._clock.now()
            if left > timedelta():
                await self._bell.changed(min(left, LONGEST_SLEEP).total_seconds(), self._clock)
            else:
                await self.renew()

    async def renew(self) -> None:
        """Try once; a failure is logged and decides when the next try is made."""
        identity, under = self._store.current, self._signing
        try:
            await self._save_leaf(await self._renewed(identity))
        except Error as error:
            self._remember(identity, error)
        else:
            self._failures, self._asked_under, self._was_left_behind = None, under, False
            if self._is_followed():  # another key may have begun to sign while this was under way
                self._hurry = None

    async def look_back(self) -> None:
        """Come back as after an expiry if the root of the agent's leaf is trusted no more.

        For an agent that hears nothing: it slept while that root left, and servers refuse it.

        Raises:
            Error: no server answers.
        """
        identity = self._store.current
        anchors = await self._ask(identity)
        if trusted_path(identity.chain, anchors, now=self._clock.now()) is None:
            log.warning("own leaf is of a root that servers trust no more; rejoining")
            self._was_left_behind = True
            self._bell.wake()

    def follow(self, signing: Signing, spread: timedelta) -> None:
        """Renew among the first within ``spread`` if another one signs now.

        Drawn once for each that signs, and again if what was drawn lies beyond ``spread``.

        Args:
            signing: what signs leaves.
            spread: over what time all leaves are re-issued.
        """
        self._signing = signing
        if self._is_followed():
            self._hurry = None
            return
        identity, now = self._store.current, self._clock.now()
        hurry = self._hurry
        if hurry is None or hurry[0] != signing.mark or hurry[1] > now + spread:
            left = life_left(now, issued_at=identity.issued_at, not_after=identity.not_after)
            moment = hurried(now, self._draw(), left=left, spread=FIRST_SHARE * spread)
            self._hurry = (signing.mark, moment)
            self._bell.wake()

    async def trust(self, anchors: Sequence[x509.Certificate]) -> None:
        """Keep a new bundle, if it differs; what is saved survives a restart.

        Raises:
            ConfigError: the folder cannot be written.
        """
        async with self._saving:
            identity = self._store.current.trusting(anchors)
            if identity is not self._store.current:
                await asyncio.to_thread(self._store.save, identity)

    def _is_followed(self) -> bool:
        """Say whether the leaf is of what signs now, or was asked for when that signed."""
        signing, identity = self._signing, self._store.current
        if signing is None or signing == self._asked_under:
            return True
        return signing.signed(signer_of(identity.chain, identity.anchors))

    def _due(self) -> datetime:
        if self._failures:
            return self._failures.retry_at
        if self._was_left_behind:
            return self._clock.now()
        renew_at = self._store.current.renew_at
        return min(renew_at, self._hurry[1]) if self._hurry else renew_at

    async def _renewed(self, identity: AgentIdentity) -> AgentIdentity:
        now = self._clock.now()
        if now > identity.not_after:
            log.warning("own leaf expired at %s; rejoining", identity.not_after)
        if self._was_left_behind or now > identity.not_after:
            return await self._rejoin(identity, now, self._draw())
        wanted = Wanted(key=new_leaf_key(), identity=identity.id)
        request = csr_pem(leaf_csr(wanted.key, wanted.identity))
        signed = await self._upstream.sign(request, replaces=identity.not_after)
        anchors = self._store.current.anchors
        received = self._clock.now()
        return identity_of(signed, wanted, anchors, identity.server, received, self._draw())

    async def _save_leaf(self, identity: AgentIdentity) -> None:
        async with self._saving:
            # The answer's bundle may be older than the one that was kept while it was under way.
            both = tuple(dict.fromkeys((*identity.anchors, *self._store.current.anchors)))
            await asyncio.to_thread(self._store.save, identity.trusting(both))
        log.info("own leaf renewed, valid until %s", identity.not_after)

    def _remember(self, identity: AgentIdentity, error: Error) -> None:
        log.warning("own leaf not renewed: %s", error)
        self._failures = failed(
            self._failures,
            at=self._clock.now(),
            retry_after=getattr(error, "retry_after", timedelta(seconds=1)),
            fraction=self._draw(),
            width=retry_width(identity.issued_at, identity.not_after),
        )
