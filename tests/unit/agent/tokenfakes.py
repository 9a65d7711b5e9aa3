"""A server in memory that knows tokens."""

import hashlib
from datetime import timedelta

import msgspec

from ca_core.acl.documents import parse_document
from ca_core.acl.grants import GRANT_LIFE
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.acl.wirerules import wired
from ca_core.agent.waiting import Gathering
from ca_core.durations import parse_duration
from ca_core.errors import DeniedError, UnavailableError
from ca_core.wire.grants import Granted, GrantsAnswer
from tests.unit.agent.fakes import FakeUpstream


class TokenUpstream(FakeUpstream):
    """Tokens by accessor; the secret of ``ab`` is ``secret of ab``.

    ``away`` makes every call about tokens fail; ``exchanged`` and ``asked`` list what came;
    ``shown`` the grants that leaves were asked for with.
    """

    def __init__(self, clock):
        super().__init__(clock)
        self.rules = {}
        self.anonymous = ""
        self.policy = "deny"
        self.away = False
        self.exchanged = []
        self.asked = []
        self.shown = []
        self.life = GRANT_LIFE
        self._news = Gathering()

    def has(self, accessor, document):
        """Make a token, or change its rules."""
        self.rules[accessor] = document
        self._news.wake()

    def revoke(self, accessor):
        """Delete a token."""
        del self.rules[accessor]
        self._news.wake()

    def lets(self, document, *, policy="deny"):
        """Say what callers without a token may, and what holds by default."""
        self.anonymous, self.policy = document, policy
        self._news.wake()

    async def sign(self, csr_pem, *, replaces=None, grant=""):
        """Sign, and note the grant."""
        self.shown.append(grant)
        return await super().sign(csr_pem, replaces=replaces)

    async def grant(self, secret):
        """Exchange a secret."""
        self.exchanged.append(secret)
        if self.gate is not None:
            await self.gate.wait()
        self._refuse_if_away()
        accessor = secret.removeprefix("secret of ")
        if accessor not in self.rules:
            raise DeniedError("ACL not found")
        return self._granted(accessor, self.rules[accessor])

    async def grants(self, asked):
        """Tell what became of tokens; parked until it is news."""
        self.asked.append(asked)
        self._refuse_if_away()
        ends = self.clock.monotonic() + parse_duration(asked.wait, field="wait").total_seconds()
        while (answer := self._answer(asked)).digest == asked.digest:
            left = ends - self.clock.monotonic()
            if not await self._news.changed(left, self.clock):
                break
            self._refuse_if_away()
        return answer

    def cut(self):
        """Let nobody reach this server any more."""
        self.away = True
        self._news.wake()

    def _refuse_if_away(self):
        if self.away:
            raise UnavailableError("no server")

    def _answer(self, asked):
        accessors = [grant.split(" ")[0] for grant in asked.grants]
        granted = tuple(self._granted(a, self.rules[a]) for a in accessors if a in self.rules)
        anonymous = self._granted(ANONYMOUS_ACCESSOR, self.anonymous)
        said = (self.policy, anonymous.rules, [(g.accessor, g.rules) for g in granted])
        digest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()
        return GrantsAnswer(
            digest=digest, default_policy=self.policy, anonymous=anonymous, granted=granted
        )

    def _granted(self, accessor, document):
        rules = msgspec.json.encode(wired(parse_document(document) if document else ()))
        return Granted(
            accessor=accessor,
            grant=f"{accessor} at {self.clock.now():%H:%M:%S}",
            seconds=self.life / timedelta(seconds=1),
            rules=msgspec.Raw(rules),
        )
