"""A server in memory that knows tokens alone: it issues, describes, renews and refuses."""

import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_provider_vault.client import PooledAdapter
from ca_provider_vault.transport import Answer, Headers

from ca_core.contract import Secret, UnavailableError

PASSWORD = "correct-horse-battery"


@dataclass
class Issued:
    """One token: its end, the end of all renewals, and what a renewal gives."""

    ends: datetime | None
    last_end: datetime | None
    period: timedelta
    renewable: bool


class TokenServer:
    """It stands where a transport does; ``down`` and ``status`` make it fail.

    Attributes:
        ttl: of the tokens of a login.
        max_ttl: after which none of them can be renewed; None: periodic.
        asked: method and path of every request that arrived.
        attempts: how many were tried, arrived or not.
    """

    def __init__(self, clock, *, ttl=timedelta(hours=1), max_ttl=None, renewable=True) -> None:
        self.clock = clock
        self.ttl = ttl
        self.max_ttl = max_ttl
        self.renewable = renewable
        self.down = False
        self.status = 0
        self.asked: list[tuple[str, str]] = []
        self.attempts = 0
        self.tokens: dict[Secret, Issued] = {}
        self.gate: threading.Event | None = None
        self._numbers = itertools.count(1)

    @property
    def logins(self) -> int:
        """Return how many logins arrived."""
        return sum("login" in path for _, path in self.asked)

    def issue(self, ttl: timedelta | None, *, renewable: bool = False, max_ttl=None) -> Secret:
        """Return a new token."""
        now, name = self.clock.now(), Secret(f"s.token-{next(self._numbers):06d}-secret")
        ends = None if ttl is None else now + ttl
        last = None if max_ttl is None else now + max_ttl
        self.tokens[name] = Issued(ends, last, ttl or timedelta(), renewable)
        return name

    def ask(self, token: Secret, seconds: float) -> PooledAdapter:
        """Return an adapter as the provider's."""
        return PooledAdapter(self, token=token, namespace="", seconds=seconds)

    def send(self, method: str, path: str, *, headers: Headers, body, **_) -> Answer:
        """Answer one request."""
        self.attempts += 1
        if self.gate is not None:
            self.gate.wait(10)
        if self.down:
            raise UnavailableError("the server cannot be reached")
        self.asked.append((method, path))
        if self.status:
            return Answer(self.status, {}, b'{"errors": ["no"]}')
        if path.startswith("/v1/auth/userpass/login/"):
            return self._login(json.loads(body.reveal()))
        return self._about(headers.get("X-Vault-Token"), path)

    def _login(self, fields: Mapping[str, str]) -> Answer:
        if fields.get("password") != PASSWORD:
            return Answer(400, {}, b'{"errors": ["invalid username or password"]}')
        token = self.issue(self.ttl, renewable=self.renewable, max_ttl=self.max_ttl)
        return self._auth(token)

    def _about(self, token: Secret | None, path: str) -> Answer:
        issued = self.tokens.get(token)
        if issued is None or (issued.ends is not None and issued.ends <= self.clock.now()):
            return Answer(403, {}, b'{"errors": ["permission denied"]}')
        if path.endswith("renew-self"):
            if not issued.renewable:
                return Answer(400, {}, b'{"errors": ["lease is not renewable"]}')
            end = self.clock.now() + issued.period
            if issued.last_end is not None and issued.last_end <= self.clock.now():
                return Answer(500, {}, b'{"errors": ["past the max TTL, cannot renew"]}')
            issued.ends = min(end, issued.last_end) if issued.last_end else end
            return self._auth(token)
        ttl, renewable = self._left(issued), issued.renewable
        ends = issued.ends.isoformat() if issued.ends else None
        return _json({"data": {"ttl": ttl, "renewable": renewable, "expire_time": ends}})

    def _auth(self, token: Secret) -> Answer:
        issued = self.tokens[token]
        auth = {"client_token": token.reveal(), "renewable": issued.renewable}
        return _json({"auth": auth | {"lease_duration": self._left(issued)}})

    def _left(self, issued: Issued) -> int:
        return int((issued.ends - self.clock.now()).total_seconds()) if issued.ends else 0


def _json(body: object) -> Answer:
    return Answer(200, {}, json.dumps(body).encode())
