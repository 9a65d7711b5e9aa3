"""Programs that read leaves: each follows its own with one blocking query after another."""

import random
from datetime import timedelta

from ca_core.acl.principal import Peer
from ca_core.agent.leafrecord import leaf_name
from ca_core.errors import DeniedError, Error
from tests.soak.audit import PATIENCE

WAIT = timedelta(hours=20)
"""Of a query; long, because the soak is about leaves and not about queries that end."""


class Holder:
    """Who some programs of a host are: whoever holds a token, or a user of the host.

    Attributes:
        secret: of the token; empty for a user.
        uid: of the user.
    """

    def __init__(self, secret="", uid=0):
        self.secret = secret
        self._peer = Peer(uid=uid, gid=uid, pid=1)

    async def caller(self, site):
        """Return who asks now, as the agent's API finds out for every request."""
        if not self.secret:
            return self._peer
        return site.grants.known(self.secret) or await site.grants.asked(self.secret)


class Program:
    """Follows the leaf of one service.

    Attributes:
        record: what the agent keeps for it.
        seen: the leaf it holds.
        generation: how many leaves it has had.
        refusal: what it was told when it last asked in vain.
    """

    def __init__(self, service, holder, site, audit, seed):
        self.service = service
        self.holder = holder
        self.record = None
        self.seen = None
        self.generation = 0
        self.refusal = None
        self._site = site
        self._audit = audit
        self._random = random.Random(seed)
        self._lacks_since = site.clock.monotonic()
        self._before = None

    def __str__(self):
        return self.service

    @property
    def lacks(self):
        """Return for how many seconds it has asked in vain."""
        return self._site.clock.monotonic() - self._lacks_since

    async def run(self):
        """Ask for ever."""
        index, failures = 0, 0
        while True:
            asked = index
            try:
                index = await self.ask(index)
            except Error as error:
                self.refusal = error
                self._audit.refused(self.record, self._site.clock.now())
                if isinstance(error, DeniedError):
                    self._before = None
                index, failures = 0, failures + 1
                if await self._pause(min(16 * 2.0**failures, PATIENCE)):
                    failures = 0
            else:
                self._lacks_since = self._site.clock.monotonic()
                failures = 0
                if index == asked and self._site.agent is None:
                    await self._pause(0)

    async def ask(self, index):
        """Ask once, check the answer, and return its index."""
        site = self._site
        if site.agent is None:
            self._before = self.record = None
            await self._pause(0)
            return 0
        agent = site.agent
        caller = await self.holder.caller(site)
        answer = await agent.leaves.get(caller, self.service, min_index=index, wait=WAIT)
        record = agent.leaves._records.get(leaf_name(caller, self.service, (), ()))
        if record is None or record.leaf is None or agent is not site.agent:
            return 0  # it was withdrawn, or the agent ended, in the very turn of the answer
        if self._before is not None and self._before is not record.leaf and record is self.record:
            self._audit.renewed(site, record, self._before)
        self.record, self._before = record, record.leaf
        self._audit.answered(self, answer, record.leaf, site.clock.now())
        return answer.index

    async def glance(self):
        """Ask without waiting for a change, as a program does that starts."""
        site = self._site
        if site.agent is None:
            return
        try:
            caller = await self.holder.caller(site)
            answer = await site.agent.leaves.get(caller, self.service)
        except Error:
            self._audit.refused(self.record, site.clock.now())
            return
        now = site.clock.now()
        if self.seen is not None and self.seen.serial == answer.cert.serial_number:
            begins, ends = self.seen.span
            assert begins <= now <= ends, f"{self} was answered {begins} to {ends} at {now}"
        self._audit.answers["glance"] += 1

    async def _pause(self, seconds):
        """Wait, a half longer by chance; say whether news of the host ended it."""
        longest = max(seconds, 1.0) * (1 + self._random.random() / 2)
        return await self._site.news.changed(longest, self._site.clock)
