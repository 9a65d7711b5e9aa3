"""Which agents belong to this cluster, and the tokens by which new ones join."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from ca_core.authority.ceilings import next_ceiling
from ca_core.clock import Clock
from ca_core.errors import ConflictError, DeniedError, NotFoundError
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS,
    AGENTS_TOPIC,
    AgentRecord,
)
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store

JOIN_TOKENS = "join_tokens"

REJOIN_WITHIN = timedelta(days=30)
"""An agent whose leaf expired may come back by its old key for this long."""

TOKEN_PREFIX = "caj1"  # noqa: S105 - the name of the format, not a secret

ATTEMPTS = 4
"""Times an agent's row is read again after a lost race; few things ever change it."""

_REFUSED = "this join token is unknown, used, expired, or for another node"
_ANOTHER = "`ca-core token join --node NODE` on the server makes another, good once, for that node"


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A join token as stored: never its secret, only that secret's SHA-256."""

    digest: str
    node: str
    expires: datetime


IsIt = Callable[[AgentRecord], bool]
"""Says whether a record is that of the agent that proved itself."""


class Membership:
    """Join tokens and agents in the store. Its methods commit; call them on the event loop."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def new_token(self, node: str, ttl: timedelta, pin: str) -> tuple[str, str, datetime]:
        """Make a token for one node; return its id, the string to carry there, and its expiry.

        The string is ``caj1.ID.SECRET.PIN``; only a digest of the secret is kept.

        Args:
            node: the only node that may use it.
            ttl: how long it may be used.
            pin: SHA-256 of the root's DER, hex; the agent sends the secret only to a server with
                it.
        """
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        expires = self._clock.now() + ttl
        row = TokenRow(digest=_digest(secret), node=node, expires=expires)
        change = Change(JOIN_TOKENS, token_id, msgspec.json.encode(row))
        await self._store.commit_async(Transaction(changes=(change, *self._expired_tokens())))
        return token_id, f"{TOKEN_PREFIX}.{token_id}.{secret}.{pin}", expires

    def invited(self, token_id: str, secret: str, identity: AgentId) -> int:
        """Return the version of a token that lets ``identity`` in now; nothing is changed.

        Raises:
            DeniedError: the token is unknown, used, expired or for another node; nothing else is
                told.
        """
        stored = self._store.snapshot.get(JOIN_TOKENS, token_id)
        row = msgspec.json.decode(stored.value, type=TokenRow) if stored else None
        expected = row.digest if row else _digest("")
        genuine = hmac.compare_digest(expected, _digest(secret))
        if stored is None or row is None or not genuine or row.node != identity.node:
            raise DeniedError(_REFUSED, hint=_ANOTHER)
        if self._clock.now() >= row.expires:
            raise DeniedError(_REFUSED, hint=_ANOTHER)
        return stored.version

    async def admit(
        self, token_id: str, secret: str, identity: AgentId, *, key: str, not_after: datetime
    ) -> None:
        """Consume the token and create the agent, in one commit.

        Args:
            token_id: which token the host showed.
            secret: the token's secret.
            identity: whom the host becomes.
            key: SHA-256 of its public key, hex.
            not_after: end of the leaf it is about to get.

        Raises:
            DeniedError: as ``invited``, or somebody else used the token meanwhile.
        """
        version = self.invited(token_id, secret, identity)
        before = self._agent(identity.node)
        agent = AgentRecord(
            node=identity.node,
            spiffe_id=str(identity),
            keys=(key,),
            joined=self._clock.now(),
            leaf_not_after=not_after,
            leaves_until=before.counts_until if before else None,
        )
        used = Change(JOIN_TOKENS, token_id, None)
        said = Change(ACKNOWLEDGEMENTS, agent.node, None)  # by whoever had this name before
        try:
            await self._store.commit_async(
                Transaction(
                    changes=(used, said, Change(AGENTS, agent.node, msgspec.json.encode(agent))),
                    expect={(JOIN_TOKENS, token_id): version},
                    topics=frozenset({AGENTS_TOPIC, ACKNOWLEDGEMENTS_TOPIC}),
                )
            )
        except ConflictError:
            raise DeniedError(_REFUSED, hint=_ANOTHER) from None

    def returning(self, identity: AgentId, key: str) -> AgentRecord:
        """Return the agent that proves itself by its old key.

        Raises:
            DeniedError: unknown or forgotten, another key, or away for more than 30 days.
        """
        agent = self.member(identity, key)
        if self._clock.now() > agent.leaf_not_after + REJOIN_WITHIN:
            raise DeniedError(
                f"agent {identity.node!r} was away for more than {REJOIN_WITHIN.days} days",
                hint="join it anew: `ca-core token join --node NAME`",
            )
        return agent

    def member(self, identity: AgentId, key: str) -> AgentRecord:
        """Return the agent of this identity, if ``key`` is one of its keys.

        Raises:
            DeniedError: it never joined, was forgotten, or the key is not its own.
        """
        return self._found(identity, _with_key(key))[0]

    async def proved(self, identity: AgentId, using: str) -> AgentRecord:
        """Note that the agent uses its newest key, and return it: older ones prove nothing more.

        Raises:
            DeniedError: as ``member``.
            ConflictError: the agent's row changes all the time; try again.
        """

        def settled(agent: AgentRecord) -> AgentRecord:
            kept = agent.keys if agent.keys[0] == using else (using,)
            return msgspec.structs.replace(agent, keys=kept)

        return await self._update(identity, _with_key(using), settled)

    async def expect_key(self, identity: AgentId, using: str, coming: str) -> None:
        """Let ``coming`` prove this agent too, before a leaf for it is signed.

        Raises:
            DeniedError: as ``member``.
            ConflictError: the agent's row changes all the time; try again.
        """
        keys = tuple(dict.fromkeys((using, coming)))
        await self._update(
            identity, _with_key(using), lambda a: msgspec.structs.replace(a, keys=keys)
        )

    async def renewed(self, identity: AgentId, key: str, not_after: datetime) -> None:
        """Note how long the agent's newest leaf lives; directly before it is released.

        Raises:
            DeniedError: as ``member``: forgotten while its leaf was being signed.
            ConflictError: the agent's row changes all the time; try again.
        """

        def longer(agent: AgentRecord) -> AgentRecord:
            end = max(agent.leaf_not_after, not_after)
            return msgspec.structs.replace(agent, leaf_not_after=end)

        await self._update(identity, _with_key(key), longer)

    async def fetched(self, identity: AgentId, joined: datetime, not_after: datetime) -> None:
        """Note that the agent gets a leaf for a service; directly before it is released.

        What is noted lies ahead, in steps of an hour, so that it is rarely written. The key that
        it asked with may have been replaced since: it proved itself when it asked.

        Args:
            identity: who asked.
            joined: when that agent joined, as it was known when it asked.
            not_after: end of the leaf.

        Raises:
            DeniedError: forgotten while the leaf was being signed.
            ConflictError: the agent's row changes all the time; try again.
        """

        def longer(agent: AgentRecord) -> AgentRecord:
            if agent.leaves_until is not None and not_after <= agent.leaves_until:
                return agent
            return msgspec.structs.replace(agent, leaves_until=next_ceiling(not_after))

        await self._update(identity, lambda agent: agent.joined == joined, longer)

    async def forget(self, node: str) -> None:
        """Remove an agent: it can neither renew nor rejoin; leaves it holds live on until they end.

        Nobody waits for its acknowledgement any more.

        Raises:
            NotFoundError: no such agent.
        """
        if self._agent(node) is None:
            raise NotFoundError(f"no agent {node!r}", field="node")
        gone = (Change(AGENTS, node, None), Change(ACKNOWLEDGEMENTS, node, None))
        topics = frozenset({AGENTS_TOPIC, ACKNOWLEDGEMENTS_TOPIC})
        await self._store.commit_async(Transaction(changes=gone, topics=topics))

    def agents(self) -> tuple[AgentRecord, ...]:
        """Return every joined agent, by node name."""
        rows = self._store.snapshot.table(AGENTS)
        return tuple(msgspec.json.decode(rows[key].value, type=AgentRecord) for key in sorted(rows))

    def _agent(self, node: str) -> AgentRecord | None:
        stored = self._store.snapshot.get(AGENTS, node)
        return None if stored is None else msgspec.json.decode(stored.value, type=AgentRecord)

    def _found(self, identity: AgentId, is_it: IsIt) -> tuple[AgentRecord, int]:
        """Return the agent and its row's version, from one look at the store."""
        stored = self._store.snapshot.get(AGENTS, identity.node)
        agent = msgspec.json.decode(stored.value, type=AgentRecord) if stored else None
        known = agent is not None and agent.spiffe_id == str(identity) and is_it(agent)
        if stored is None or agent is None or not known:
            raise DeniedError(
                f"agent {identity.node!r} is not a member of this cluster",
                hint="join it: `ca-core token join --node NAME`",
            )
        return agent, stored.version

    async def _update(
        self, identity: AgentId, is_it: IsIt, changed: Callable[[AgentRecord], AgentRecord]
    ) -> AgentRecord:
        """Write what ``changed`` makes of the row as it is now; a forgotten agent stays so."""
        left = ATTEMPTS
        while True:
            agent, version = self._found(identity, is_it)
            wanted = changed(agent)
            if wanted == agent:
                return agent
            change = Change(AGENTS, agent.node, msgspec.json.encode(wanted))
            try:
                await self._store.commit_async(
                    Transaction(changes=(change,), expect={(AGENTS, agent.node): version})
                )
            except ConflictError:
                left -= 1
                if not left:
                    raise
            else:
                return wanted

    def _expired_tokens(self) -> tuple[Change, ...]:
        """Return deletions of a few tokens that nobody can use any more."""
        now = self._clock.now()
        dead = [
            key
            for key, row in self._store.snapshot.table(JOIN_TOKENS).items()
            if msgspec.json.decode(row.value, type=TokenRow).expires <= now
        ]
        return tuple(Change(JOIN_TOKENS, key, None) for key in dead[:50])


def _with_key(key: str) -> IsIt:
    return lambda agent: key in agent.keys


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
