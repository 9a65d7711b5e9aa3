"""A server's room as far as intentions need it, and requests to it."""

import json
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

from ca_core.acl.access import AllowAll
from ca_core.acl.documents import parse_document
from ca_core.acl.principal import Token
from ca_core.acl.rights import Chain, DefaultPolicy, Rights
from ca_core.api import intention_handlers as by_name
from ca_core.api import intention_id_handlers as by_id
from ca_core.intentions.decision import Default
from ca_core.intentions.following import Following
from ca_core.state import Store
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.api.asking import asking

HOLDER = Token("accessor")


@dataclass
class Room:
    """What the handlers of intentions use of a ``ServerRoom``."""

    store: Store = field(default_factory=lambda: Store(MemoryEngine()))
    may: Any = field(default_factory=AllowAll)
    default: Default = field(default_factory=lambda: Default(allowed=True))
    clock: FakeClock = field(default_factory=FakeClock)
    random: Random = field(default_factory=lambda: Random(0))
    manager: Any = field(default_factory=lambda: SimpleNamespace(datacenter="dc1"))

    def __post_init__(self):
        self.intentions = Following(self.store, self.default)

    def allowing(self, rules, default=DefaultPolicy.DENY):
        """Let the holder of a token do what the rules say, and nobody anything else."""
        chain = Chain(Rights(parse_document(rules)), default)
        nobody = Chain(Rights(), default)
        self.may = lambda who, action, name: (chain if who == HOLDER else nobody).allows(
            action, name
        )

    async def put(self, source, destination, query="", principal=None, **body):
        """Upsert by name; ``Action`` is ``allow`` unless told."""
        plain = body if "Permissions" in body else {"Action": "allow"} | body
        return await self.ask(
            by_name.put, f"source={source}&destination={destination}{query}", plain, principal
        )

    async def delete(self, source, destination, query="", principal=None):
        """Delete by name."""
        query = f"source={source}&destination={destination}{query}"
        return await self.ask(by_name.delete, query, principal=principal)

    async def create(self, principal=None, **body):
        """Create one with an id; return the id."""
        plain = {"SourceName": "web", "DestinationName": "db", "Action": "allow"} | body
        return (await self.ask(by_id.create, "", plain, principal))["ID"]

    async def check(self, source, destination, principal=None):
        """Return whether it is allowed."""
        query = f"source={source}&destination={destination}"
        return (await self.ask(by_name.check, query, principal=principal))["Allowed"]

    async def match(self, by, *names, principal=None):
        """Return (source, destination) of what matches each name."""
        query = "&".join([f"by={by}", *(f"name={name}" for name in names)])
        found = await self.ask(by_name.match, query, principal=principal)
        return {name: [sides(each) for each in found[name]] for name in names}

    async def ask(self, handler, query="", body=None, principal=None, **params):
        """Return the answer's JSON."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        response = await handler(self, asking(query, body=raw, principal=principal, **params))
        return json.loads(response.body)


def sides(intention):
    """Return the two names of an answer."""
    return intention["SourceName"], intention["DestinationName"]
