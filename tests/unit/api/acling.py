"""A server's room as far as tokens and policies need it, and requests to it."""

import json
import secrets
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec

from ca_core.acl.access import LocalRules
from ca_core.acl.principal import Anonymous, Peer, Token
from ca_core.acl.resolving import Resolver, TokenRules
from ca_core.acl.tokens import token_by_secret
from ca_core.api import acl_login_handlers, acl_method_handlers, acl_policy_handlers
from ca_core.api import acl_token_handlers as on_tokens
from ca_core.api.keysets import KeySets
from ca_core.state import Store
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.api.asking import asking

OPERATOR = Peer(uid=0, gid=0, pid=1)
LOCAL = Anonymous(loopback=True)


@dataclass
class Room:
    """What the handlers of ``/v1/acl`` use of a ``ServerRoom``."""

    store: Store = field(default_factory=lambda: Store(MemoryEngine()))
    clock: FakeClock = field(default_factory=FakeClock)
    manager: Any = field(default_factory=lambda: SimpleNamespace(datacenter="dc1"))
    draw: Any = secrets.token_bytes

    told: list = field(default_factory=list)

    def __post_init__(self):
        self.events = SimpleNamespace(tell=lambda what, **fields: self.told.append((what, fields)))
        resolver = Resolver(lambda: self.store.snapshot, self.clock)
        self.may = TokenRules(resolver, LocalRules(owner_uid=1000))
        self.keysets = KeySets(self.clock)

    async def ask(self, handler, body=None, *, query="", who=OPERATOR, **params):
        """Return the answer's JSON."""
        raw = b"" if body is None else json.dumps(body).encode()
        request = asking(query, body=raw, principal=who, **params)
        response = await handler(self, request)
        return json.loads(response.body)

    async def bootstrap(self, *, query="", who=LOCAL):
        """Make the first token."""
        return await self.ask(on_tokens.bootstrap, query=query, who=who)

    async def token(self, *, who=OPERATOR, **body):
        """Make a token."""
        return await self.ask(on_tokens.create, body, who=who)

    async def read(self, accessor, *, who=OPERATOR):
        """Read a token."""
        return await self.ask(on_tokens.read, accessor=accessor, who=who)

    async def update(self, key, *, who=OPERATOR, **body):
        """Change a token."""
        return await self.ask(on_tokens.update, body, accessor=key, who=who)

    async def delete(self, accessor, *, who=OPERATOR):
        """Delete a token."""
        return await self.ask(on_tokens.delete, accessor=accessor, who=who)

    async def tokens(self, query="", *, who=OPERATOR):
        """List tokens."""
        return await self.ask(on_tokens.listed, query=query, who=who)

    async def policy(self, name="p", rules='operator = "read"', *, who=OPERATOR, **body):
        """Make a policy."""
        body = {"Name": name, "Rules": rules} | body
        return await self.ask(acl_policy_handlers.create, body, who=who)

    async def method(self, *, who=OPERATOR, **body):
        """Make an auth method."""
        return await self.ask(acl_method_handlers.create_method, body, who=who)

    async def rule(self, *, who=OPERATOR, **body):
        """Make a binding rule."""
        return await self.ask(acl_method_handlers.create_rule, body, who=who)

    async def login(self, bearer, method="ci", **body):
        """Log in from anywhere."""
        body = {"AuthMethod": method, "BearerToken": bearer} | body
        return await self.ask(acl_login_handlers.login, body, who=Anonymous())

    def known(self, secret):
        """Return the accessor of whoever sends a secret, or None."""
        row = token_by_secret(self.store.snapshot, secret, self.clock.now())
        return None if row is None else row.accessor

    def stored(self):
        """Return every row there is, as text."""
        tables = self.store.snapshot.tables
        return "\n".join(
            f"{name} {key} {row.value.decode('latin-1')}"
            for name, rows in tables.items()
            for key, row in rows.items()
        )


def caller(made):
    """Return whoever sends the secret of a token that was made."""
    return Token(made["AccessorID"])


def plain(row: msgspec.Struct):
    """Return a Struct as JSON data."""
    return json.loads(msgspec.json.encode(row))
