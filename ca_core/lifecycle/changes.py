"""Asking for a change: what kind it is, and the commit that begins it."""

import asyncio
from dataclasses import replace as replaced
from functools import partial

from ca_core.authority.bringup import new_id
from ca_core.authority.configuration import (
    digest_of,
    provider_config,
    row_of,
    settings_of,
)
from ca_core.authority.rows import (
    CONFIGURATION,
    AuthorityRow,
    ConfigurationRow,
    SignerRow,
    current_signer,
    read,
)
from ca_core.authority.settings import CASettings
from ca_core.contract.answers import Findings
from ca_core.contract.requests import ProbeRequest
from ca_core.errors import NotFoundError, NotReadyError
from ca_core.lifecycle import commits
from ca_core.lifecycle.rows import (
    POLICY,
    Ends,
    Kind,
    OperationPhase,
    OperationRow,
    PhaseChange,
    Wishes,
    open_operation,
    operation,
)
from ca_core.lifecycle.tools import Tools, new_request_id


class Changes:
    """What operators and the policy ask for. Lives on one event loop.

    Every method that begins an operation raises ``ConflictError`` while another one is open, and
    ``NotReadyError`` before the first authority signs. An automatic operation that only waits for
    its moment gives way: it is aborted, and what is due begins again later.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def apply(
        self, settings: CASettings, *, actor: str, wishes: Wishes | None = None
    ) -> OperationRow | None:
        """Begin the change to another configuration; None if it is the one that stands.

        Args:
            settings: the whole of it, secrets in clear.
            actor: who asks.
            wishes: how it is to go.

        Raises:
            ConfigError: the provider is unknown or refuses its configuration.
        """
        if digest_of(settings) == digest_of(await asyncio.to_thread(self.standing)):
            return None
        kind = await self._kind(settings)
        row = await asyncio.to_thread(
            row_of, settings, self._tools.opener.registry, self._tools.opener.own_secrets
        )
        return await self._begun(kind, row, actor, wishes)

    async def rotate(self, *, actor: str, wishes: Wishes | None = None) -> OperationRow:
        """Begin the change to a new root of the same provider."""
        return await self._begun(Kind.ROTATE, None, actor, wishes)

    async def renew(self, *, actor: str, wishes: Wishes | None = None) -> OperationRow:
        """Begin the change to a new signer under the same root."""
        return await self._begun(Kind.RENEW, None, actor, wishes)

    async def taint(self, *, actor: str, wishes: Wishes | None = None) -> OperationRow:
        """Begin the change away from a compromised root; it pre-empts what is not active yet."""
        standing = open_operation(self._tools.view)
        if standing is not None and standing.kind is not Kind.TAINT:
            await self.abort(standing.id, actor=actor, reason="another root was declared tainted")
        return await self._begun(Kind.TAINT, None, actor, wishes)

    async def abort(self, name: str, *, actor: str, reason: str = "") -> OperationRow:
        """End an operation that is not active; everything stays as it was before it.

        Raises:
            NotFoundError: there is no such operation.
            RequestError: it is over.
        """
        row = self._found(name)
        said = reason or f"aborted by {actor}"
        make = partial(commits.ended, phase=OperationPhase.ABORTED, fence=None, reason=said)
        tools = self._tools
        await tools.store.commit_async(make(tools.view, row, now=tools.clock.now()))
        return self._found(name)

    async def roll_back(self, name: str, *, actor: str) -> OperationRow:
        """Let the old signer sign again, while its authority drains.

        Raises:
            NotFoundError: there is no such operation.
            RequestError: there is no way back.
        """
        tools = self._tools
        row = self._found(name)
        await tools.store.commit_async(commits.rolled_back(tools.view, row, tools.clock.now()))
        return self._found(name)

    def standing(self) -> CASettings:
        """Return the configuration that stands, secrets in clear. Blocks.

        Raises:
            UnavailableError: a secret or its key-encryption key is missing.
        """
        row = self._standing_row()
        config = provider_config(row, self._tools.opener.own_secrets)
        return replaced(settings_of(row), config=config)

    def _standing_row(self) -> ConfigurationRow:
        row = read(self._tools.view, ConfigurationRow, CONFIGURATION, "ca")
        if row is None:
            raise NotReadyError("no configuration has been written yet")
        return row

    def _found(self, name: str) -> OperationRow:
        row = operation(self._tools.view, name)
        if row is None:
            raise NotFoundError(f"no operation {name!r}", field="operation")
        return row

    def _current(self) -> tuple[AuthorityRow, SignerRow]:
        current = current_signer(self._tools.view)
        if current is None:
            raise NotReadyError("the first authority is still being made")
        return current

    async def _kind(self, settings: CASettings) -> Kind:
        """Return what a new configuration changes: the provider, the root, or neither."""
        standing = await asyncio.to_thread(self.standing)
        authority, _ = self._current()
        if settings.provider != authority.provider:
            return Kind.SWAP
        if settings.key != standing.key or (
            settings.trust_corporate_root != standing.trust_corporate_root
        ):
            return Kind.ROTATE
        same = digest_of(replaced(standing, config=settings.config)) == digest_of(standing)
        if same:
            return Kind.SETTINGS
        found = await probed(self._tools, settings, authority.id)
        return Kind.SETTINGS if found.exists else Kind.SWAP

    async def _begun(
        self, kind: Kind, configuration: ConfigurationRow | None, actor: str, wishes: Wishes | None
    ) -> OperationRow:
        tools, now = self._tools, self._tools.clock.now()
        authority, signer = self._current()
        old = Ends(authority=authority.id, signer=signer.id, configuration=authority.configuration)
        new = Ends(
            authority=authority.id if kind in _SAME_AUTHORITY else new_id("ca"),
            signer=signer.id if kind is Kind.SETTINGS else new_id("signer"),
            configuration=configuration.id if configuration else old.configuration,
        )
        row = OperationRow(
            id=new_id("op"),
            kind=kind,
            phase=OperationPhase.PLANNED,
            actor=actor,
            old=old,
            new=new,
            wishes=wishes or Wishes(),
            history=(PhaseChange(phase=OperationPhase.PLANNED, at=now),),
        )
        await self._let_give_way(actor)
        await tools.store.commit_async(commits.begun(tools.view, row, configuration))
        return row

    async def _let_give_way(self, actor: str) -> None:
        """Abort an automatic operation that waits for its moment, if somebody asks for a change."""
        standing = open_operation(self._tools.view)
        if actor == POLICY or standing is None or standing.actor != POLICY:
            return
        if standing.waits_for_its_moment(self._tools.clock.now()):
            await self.abort(standing.id, actor=actor, reason=f"gave way to a change by {actor}")


_SAME_AUTHORITY = frozenset({Kind.RENEW, Kind.SETTINGS})


async def probed(tools: Tools, settings: CASettings, authority: str) -> Findings:
    """Ask a provider under a configuration that is stored nowhere what exists and what is missing.

    Nothing is changed anywhere.

    Raises:
        Error: it cannot be opened, or does not answer.
    """
    return await asyncio.to_thread(_probed, tools, settings, authority)


def _probed(tools: Tools, settings: CASettings, authority: str) -> Findings:
    provider = tools.opener.trial(settings, authority)
    try:
        return provider.probe(ProbeRequest(request_id=new_request_id(), deadline=tools.deadline()))
    finally:
        provider.close()
