"""One cluster through many deaths: what must be true after each of them."""

import asyncio

from ca_core.agent.verification import trusted_path
from ca_core.authority.rows import current_signer
from ca_core.clock import SystemClock
from ca_core.identity.certificates import fingerprint
from ca_core.state.kek import key_file
from tests.integration.crash.autopsy import (
    phase_of,
    remains,
    require_no_clear_key,
    require_one_of_each,
    root_of,
    standing,
)
from tests.integration.crash.customer import (
    Customer,
    Notebook,
    ask_until_signed,
    operators,
    published_root,
    watched_roots,
)

GROUP_SECONDS = 3.0
"""A record is durable 5 ms after its leaf, plus two writes; a busy machine gets this long."""
GROUP_ROWS = 2 * 64
"""What can be lost: the group being written, and the next one, which is collected meanwhile."""
SIGNS_WITHIN = 5.0
"""Seconds from a restarted server's first line to its first leaf."""


class Cluster:
    """A data folder, one customer, and everything that was ever seen of them.

    Args:
        folder: its own; short, because of the unix socket in it.
        begin: begins a server's life on a data folder.
    """

    def __init__(self, folder, begin):
        self.data_dir = folder / "d"
        self.notebook = Notebook()
        self.customer = Customer(folder / "agent", self.notebook)
        self.stranger = Customer(folder / "stranger", self.notebook)
        self.lost = set()
        self._begin = begin
        self._scratch = folder / "copy"
        self._recorded = frozenset()
        self._complete = True
        self._joined = False
        self._verified = 0
        self._life = None
        self._watching = None
        folder.mkdir(exist_ok=True)

    async def life(self, **order):
        """Begin the next life; every root it publishes is noted."""
        if self._watching is not None:
            await self._watching
        self._life = await self._begin(self.data_dir, **order)
        self._watching = asyncio.ensure_future(watched_roots(self._life, self.notebook))
        return self._life

    def autopsy(self, life, *, busy=False):
        """Check what the dead left, and return the phase it died in."""
        found = remains(self.data_dir, self._scratch)
        require_no_clear_key(self.data_dir, found)
        phase = phase_of(found, was_ready=life.is_ready, was_busy=busy)
        if root_of(found):
            self.notebook.roots.add(root_of(found))
        assert len(self.notebook.roots) <= 1, "a second root"
        if found is None:
            return phase
        self._require_record(found, life)
        died_signing = found.is_marked_running and current_signer(found.view) is not None
        self._complete = self._complete and not died_signing
        return phase

    async def recovered(self, life):
        """Check that the next life carries on: same root, one of each, nothing lost; it signs."""
        await life.ready()
        async with operators(life) as client:
            root = await published_root(client)
        self.notebook.roots.add(fingerprint(root))
        assert self.notebook.roots == {fingerprint(root)}
        found = standing(self.data_dir)
        require_one_of_each(found)
        assert list(self.data_dir.parent.glob("d.kek*")) == [key_file(self.data_dir)]
        assert found.authority.complete is self._complete
        self._require_kept(found)
        self._require_paths(root)
        await self._join_once(life)
        assert await ask_until_signed(self.customer, life) < SIGNS_WITHIN

    async def stopped(self, life):
        """End a life cleanly: then every leaf is in the ledger, and the count is exact."""
        await life.stop()
        found = remains(self.data_dir, self._scratch)
        self._require_kept(found)
        assert not found.is_marked_running
        assert found.counted == len(found.serials) == len(found.ledger)
        unrecorded = {leaf.serial for leaf in self.notebook.released} - found.serials
        assert unrecorded == self.lost, "a clean stop loses nothing"
        assert found.authority.complete is self._complete
        return found

    async def aclose(self):
        """End the life that a failed check has left behind."""
        if self._life is not None and not self._life.has_ended:
            await self._life.kill()
        if self._watching is not None:
            await self._watching

    async def _join_once(self, life):
        if not self._joined:
            await self.customer.join(life)
            self._joined = True

    def _require_kept(self, found):
        """No record vanishes, and every leaf that was released lies under the ceiling."""
        assert found.serials >= self._recorded
        self._recorded = found.serials
        assert len(found.issued_to("web")) <= self.notebook.asked
        assert all(found.covers(leaf) for leaf in self.notebook.released)

    def _require_record(self, found, life):
        self._require_kept(found)
        gone = [leaf for leaf in self.notebook.released if leaf.serial not in found.serials]
        fresh = [leaf for leaf in gone if leaf.serial not in self.lost]
        assert found.is_marked_running or not fresh, "the record claims to be complete"
        assert len(fresh) <= GROUP_ROWS
        since = max(life.began_at, life.ended_at - GROUP_SECONDS)
        assert all(leaf.at > since for leaf in fresh), "only the last moments of a life can be lost"
        self.lost |= {leaf.serial for leaf in fresh}

    def _require_paths(self, root):
        now = SystemClock().now()
        for leaf in self.notebook.released[self._verified :]:
            then = max(now, leaf.chain[0].not_valid_before_utc)
            assert trusted_path(leaf.chain, (root,), now=then) is not None
        self._verified = len(self.notebook.released)
