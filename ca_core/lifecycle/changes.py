"""Asking for a change: what kind it is, and the commit that begins it."""

import asyncio
import contextlib
from functools import partial

from ca_core.authority.bringup import new_id
from ca_core.authority.configuration import (
    digest_of,
    row_of,
)
from ca_core.authority.rows import (
    AuthorityRow,
    BootstrapRow,
    ConfigurationRow,
    SignerRow,
    current_signer,
)
from ca_core.authority.settings import CASettings
from ca_core.errors import ConflictError, NotFoundError, NotReadyError, RequestError
from ca_core.lifecycle import amending, beginning, commits
from ca_core.lifecycle.abandoning import abandonable, abandoned, tell_abandoned
from ca_core.lifecycle.classify import classify, needs_findings
from ca_core.lifecycle.milestones import tell_begun, tell_ended
from ca_core.lifecycle.probing import check_update, probed
from ca_core.lifecycle.rows import (
    TAINTED_LEAVES,
    Ends,
    Kind,
    LeftoverRow,
    OperationPhase,
    OperationRow,
    PhaseChange,
    Wishes,
    open_operation,
    operation,
)
from ca_core.lifecycle.tools import Tools
from ca_core.lifecycle.urgency import urgent
from ca_core.state.protocol import Transaction
from ca_core.state.view import View


class Changes:
    """What operators and the policy ask for. Lives on one event loop.

    Every method that begins an operation raises ``ConflictError`` while another one is open, and
    ``NotReadyError`` before the first authority signs. An automatic operation that only waits for
    its moment, or cannot even make what it needs, gives way: it is aborted, and what is due begins
    again later.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def apply(
        self,
        settings: CASettings,
        *,
        actor: str,
        wishes: Wishes | None = None,
        from_file: bool = False,
        stood: str = "",
    ) -> OperationRow | None:
        """Begin the change to another configuration; None if it is the one that stands.

        While the first authority is still being made, it is begun anew under the other one: no
        operation is needed, and None is returned too.

        Args:
            settings: the whole of it, secrets in clear.
            actor: who asks.
            wishes: how it is to go.
            from_file: whether it is what stands in the file; its digest is kept with it.
            stood: id of the configuration that the caller decided on; '' is the present one.

        Raises:
            ConfigError: the provider is unknown or refuses its configuration.
            ConflictError: another configuration stands meanwhile.
        """
        stood = stood or self._tools.opener.configuration().id
        standing = await asyncio.to_thread(self.standing)
        is_first = current_signer(self._tools.view) is None
        if is_first and digest_of(standing) != digest_of(settings):
            await self._begin_anew(await self._configured(settings, from_file=from_file))
            return None
        kind = None if is_first else await self._kind(standing, settings)
        if kind is None:
            if from_file:
                await self._note_file(digest_of(settings), stood)
            return None
        await asyncio.to_thread(check_update, self._tools, standing, settings)
        await self._let_give_way(actor)
        commits.refuse_second(self._tools.view)  # before its secrets are set aside for nothing
        row = await self._configured(settings, from_file=from_file)
        return await self._begun(kind, row, actor, wishes, stood)

    async def _configured(self, settings: CASettings, *, from_file: bool) -> ConfigurationRow:
        opener = self._tools.opener
        digest = digest_of(settings) if from_file else opener.configuration().file_digest
        make = partial(row_of, settings, opener.registry, opener.own_secrets, file_digest=digest)
        return await asyncio.to_thread(make)

    async def _begin_anew(self, configuration: ConfigurationRow) -> None:
        """Have the first authority made under another configuration."""
        tools, ids = self._tools, BootstrapRow(authority=new_id("ca"), signer=new_id("signer"))
        made = beginning.begun_anew(tools.view, configuration, ids, tools.clock.now())
        await tools.store.commit_async(made)

    async def rotate(self, *, actor: str, wishes: Wishes | None = None) -> OperationRow:
        """Begin the change to a new root of the same provider."""
        return await self._begun(Kind.ROTATE, None, actor, wishes)

    async def renew(self, *, actor: str, wishes: Wishes | None = None) -> OperationRow:
        """Begin the change to a new signer under the same root."""
        return await self._begun(Kind.RENEW, None, actor, wishes)

    async def taint(
        self, authority: str = "", *, actor: str, wishes: Wishes | None = None
    ) -> OperationRow | None:
        """Begin the change away from a compromised root; it preempts what is not active yet.

        Args:
            authority: which one; '' is the one that signs. One that drains needs no other root: it
                leaves the bundle within minutes, and there is no operation: None.
            actor: who asks.
            wishes: how it is to go; by default as ``urgent`` says.

        Raises:
            NotFoundError: there is no such authority.
            RequestError: it is not trusted by anybody yet, or no more.
        """
        meant = authority or self._current()[0].id
        for left in reversed(range(_TRIES)):
            row = await self._taint_signing(meant, actor, wishes)
            if row is not None:
                return row
            try:
                await self._taint_draining(meant)
            except ConflictError:  # it may have been rolled back to meanwhile: look again
                if not left:
                    raise
            else:
                break
        return None

    async def _taint_signing(
        self, meant: str, actor: str, wishes: Wishes | None
    ) -> OperationRow | None:
        """Begin the change away from what signs; None if it is not that authority, or no more."""
        while meant == self._current()[0].id:
            try:
                return await self._begun(Kind.TAINT, None, actor, wishes or urgent())
            except ConflictError:
                standing = open_operation(self._tools.view)
                if standing is not None and standing.kind is Kind.TAINT:
                    raise
            await self._preempt(actor)  # and look again: it may have become active meanwhile
        return None

    async def _preempt(self, actor: str) -> None:
        """Abort what is open, if it does not lead away from a compromised root itself."""
        standing = open_operation(self._tools.view)
        if standing is None or standing.kind is Kind.TAINT:
            return
        with contextlib.suppress(RequestError):  # it is over meanwhile
            await self.abort(standing.id, actor=actor, reason="another root was declared tainted")

    async def _taint_draining(self, authority: str) -> None:
        tools, leave_by = self._tools, self._tools.clock.now() + TAINTED_LEAVES
        await tools.store.commit_async(amending.tainted(tools.view, authority, leave_by))

    async def abort(self, name: str, *, actor: str, reason: str = "") -> OperationRow:
        """End an operation that is not active; everything stays as it was before it.

        Raises:
            NotFoundError: there is no such operation.
            RequestError: it is over.
        """
        row = self._found(name)
        said = reason or f"aborted by {actor}"
        tools, end = self._tools, OperationPhase.ABORTED

        def ended(view: View) -> Transaction:
            return commits.ended(view, row, end, tools.clock.now(), None, reason=said)

        await asyncio.to_thread(tools.store.update, ended)
        tell_ended(tools, row, OperationPhase.ABORTED, actor=actor, reason=said)
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
        said = f"rolled back by {actor}"
        tell_ended(tools, row, OperationPhase.ROLLED_BACK, actor=actor, reason=said)
        return self._found(name)

    async def abandon(self, key: str, *, actor: str) -> LeftoverRow:
        """Give up what a backend holds of an authority or signer that is gone: it stays there.

        Args:
            key: of the leftover, as status lists it.
            actor: who asks.

        Raises:
            NotFoundError: nothing is left behind under it.
            RequestError: its removal has not failed.
            ConflictError: it is being removed at this moment.
        """
        tools = self._tools
        row = abandonable(tools.view, key)
        await tools.store.commit_async(abandoned(tools.view, row))
        tell_abandoned(tools.events, row, actor)
        return row

    def standing(self) -> CASettings:
        """Return the configuration that stands, secrets in clear. Blocks; raises as the tools."""
        return self._tools.standing()

    def _found(self, name: str) -> OperationRow:
        row = operation(self._tools.view, name)
        if row is None:
            hint = "`ca-core ca operations` lists them all"
            raise NotFoundError(f"no operation {name!r}", field="operation", hint=hint)
        return row

    def _current(self) -> tuple[AuthorityRow, SignerRow]:
        current = current_signer(self._tools.view)
        if current is None:
            raise NotReadyError("the first authority is still being made")
        return current

    async def _kind(self, standing: CASettings, wanted: CASettings) -> Kind | None:
        """Return what a new configuration changes, asking its provider if nobody else knows."""
        if not needs_findings(standing, wanted):
            return classify(standing, wanted)
        authority, _ = self._current()
        candidate = await probed(self._tools, wanted, authority.id)
        return classify(standing, wanted, candidate.findings)

    async def _note_file(self, digest: str, stood: str) -> None:
        """Keep the digest of a file that says what stands already."""
        tools = self._tools
        if tools.opener.configuration().file_digest == digest:
            return
        await tools.store.commit_async(amending.file_noted(tools.view, stood, digest))

    async def _begun(
        self,
        kind: Kind,
        configuration: ConfigurationRow | None,
        actor: str,
        wishes: Wishes | None,
        stood: str = "",
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
        await tools.store.commit_async(commits.begun(tools.view, row, configuration, stood))
        tell_begun(tools.events, row)
        return row

    async def _let_give_way(self, actor: str) -> None:
        """Abort an automatic operation that waits or is stuck, if somebody asks for a change."""
        standing = open_operation(self._tools.view)
        if standing is not None and standing.gives_way_to(actor, self._tools.clock.now()):
            await self.abort(standing.id, actor=actor, reason=f"gave way to a change by {actor}")


_TRIES = 4
"""Times a draining authority is looked at again that others change in the same moment."""

_SAME_AUTHORITY = frozenset({Kind.RENEW, Kind.SETTINGS})
