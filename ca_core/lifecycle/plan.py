"""A dry run of a change to another configuration: what would happen, and what stands in the way.

Nothing is changed anywhere: the new provider is opened under a configuration that is stored
nowhere, and only ``probe`` is called.
"""

import asyncio
import math
from dataclasses import dataclass

from ca_core.authority.bringup import new_id
from ca_core.authority.rows import AuthorityRow, SignerRow, current_signer
from ca_core.authority.settings import CASettings
from ca_core.authority.slots import place_of
from ca_core.errors import ConfigError, Error, NotReadyError, PluginError
from ca_core.lifecycle.classify import classify, needs_findings, reason_for
from ca_core.lifecycle.differences import differences
from ca_core.lifecycle.evidence import Counted
from ca_core.lifecycle.planwarnings import Outlook, blockers_of, warnings_of
from ca_core.lifecycle.probing import Candidate, check_update, probed
from ca_core.lifecycle.reissuing import slower
from ca_core.lifecycle.rows import PASSES, Kind, OperationPhase, Wishes
from ca_core.lifecycle.spread import reissue_spread
from ca_core.lifecycle.tools import Tools
from ca_core.lifecycle.ttlrules import Lives, ttl_rules
from ca_core.lifecycle.vouching import lost_capabilities, why_not_crossed
from ca_core.telemetry.logs import redacted
from ca_core.wire.operations import PlanAnswer

NAMED = 100
"""Agents that are named; the others are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Present:
    """What stands before the change: configuration with secrets in clear, authority, signer."""

    settings: CASettings
    authority: AuthorityRow
    signer: SignerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was seen: kind of change, the new provider if it could be asked, and why not if not."""

    kind: Kind | None
    candidate: Candidate | None = None
    refused: str = ""


async def plan(tools: Tools, settings: CASettings, wishes: Wishes, *, actor: str) -> PlanAnswer:
    """Return what a change to ``settings`` would do.

    Args:
        tools: the server's parts.
        settings: the whole of it, secrets in clear; its TTL rules were checked on reading.
        wishes: how it is to go.
        actor: who asks; an automatic operation that only waits gives way to somebody else.

    Raises:
        NotReadyError: nothing signs yet.
        UnavailableError: the store cannot be read, or a key-encryption key is missing.
    """
    current = current_signer(tools.view)
    if current is None:
        raise NotReadyError("the first authority is still being made")
    standing = await asyncio.to_thread(tools.standing)
    present = _Present(settings=standing, authority=current[0], signer=current[1])
    look = await _looked(tools, present, settings)
    return await _told(tools, present, settings, wishes, look, actor)


async def _looked(tools: Tools, present: _Present, wanted: CASettings) -> _Look:
    """Return what kind of change it is, once the new provider was asked."""
    standing, found = present.settings, None
    if classify(standing, wanted) is None:
        return _Look(kind=None)
    try:
        await asyncio.to_thread(check_update, tools, standing, wanted)
        if needs_findings(standing, wanted):
            found = await probed(tools, wanted, present.authority.id)
        kind = classify(standing, wanted, found.findings if found else None)
        if kind is not Kind.SETTINGS:
            found = await probed(tools, wanted, new_id("ca"))
        elif found is None:
            found = await _probed_as_it_is(tools, present, wanted)
    except Error as error:
        return _Look(kind=classify(standing, wanted), refused=redacted(_refusal(error)))
    return _Look(kind=kind, candidate=found)


async def _probed_as_it_is(tools: Tools, present: _Present, wanted: CASettings) -> Candidate | None:
    """Ask the provider whose own keys stay; files that only its first start needed may be gone."""
    try:
        return await probed(tools, wanted, present.authority.id)
    except ConfigError:
        return None


def _refusal(error: Error) -> str:
    if isinstance(error, PluginError):
        return f"the provider cannot be used: {error}"
    if isinstance(error, ConfigError):
        return f"the provider refuses its configuration: {error}"
    return f"the provider cannot be asked: {error}"


async def _told(  # what a plan is made from, each part once
    tools: Tools,
    present: _Present,
    wanted: CASettings,
    wishes: Wishes,
    look: _Look,
    actor: str,
) -> PlanAnswer:
    now, kind, candidate = tools.clock.now(), look.kind, look.candidate
    everybody = tools.everybody() if _distributes(kind) else ()
    leaves = await _leaves(tools, present, kind)
    outlook = Outlook(
        wanted=wanted,
        wishes=wishes,
        everybody=everybody,
        distributes=_distributes(kind),
        uncrossed=_why_not_crossed(tools, present, look),
        candidate=candidate,
        refused=look.refused,
    )
    crosses = outlook.distributes and not outlook.uncrossed
    rate = _signing_rate(tools, present, wanted)
    spread = reissue_spread(leaves, rate, leaf_ttl=wanted.leaf_ttl)
    return PlanAnswer(
        kind=kind.value if kind else "none",
        changes=differences(present.settings, wanted, _secret_keys(tools, present, wanted)),
        new_root=outlook.distributes,
        why=reason_for(present.settings, wanted, kind),
        phases=tuple(phase.value for phase in PASSES[kind]) if kind else (),
        cross_signed=crosses,
        missing_capabilities=_missing_capabilities(tools, present, candidate),
        missing_permissions=candidate.findings.missing_permissions if candidate else (),
        blockers=blockers_of(tools, outlook, actor) if kind else (),
        ttl_rules=ttl_rules(kind, _lives(present, wanted, look), now) if kind else (),
        warnings=warnings_of(outlook) if kind else (),
        leaves=leaves,
        signing_rate=rate,
        reissue_seconds=math.ceil(spread.total_seconds()) if leaves else 0,
        settle_seconds=_settle_seconds(wishes, outlook),
        acknowledge=tuple(one.node for one in everybody[:NAMED]),
        counted=len(everybody),
        unreachable=_unreachable(everybody),
    )


def _distributes(kind: Kind | None) -> bool:
    return kind is not None and OperationPhase.DISTRIBUTED in PASSES[kind]


async def _leaves(tools: Tools, present: _Present, kind: Kind | None) -> int:
    """Return how many leaves are to be re-issued: those of a signer that is replaced."""
    if kind is None or kind is Kind.SETTINGS:
        return 0
    now = tools.clock.now()
    alive = tools.record.alive
    return await asyncio.to_thread(alive, present.authority.id, present.signer.id, now)


def _signing_rate(tools: Tools, present: _Present, wanted: CASettings) -> float:
    """Return the leaves a second: admission's, or what the provider was seen to do if it stays."""
    stays = wanted.provider == present.settings.provider
    measured = tools.slots.at(place_of(present.authority)).signing_rate if stays else 0.0
    return slower(wanted.csr_max_per_second, measured)


def _why_not_crossed(tools: Tools, present: _Present, look: _Look) -> str:
    can = look.candidate.capabilities if look.candidate else None
    return why_not_crossed(tools, present.authority, can, tools.clock.now())


def _secret_keys(tools: Tools, present: _Present, wanted: CASettings) -> frozenset[str] | None:
    """Return the keys that hold secrets; None if one of the providers cannot say.

    A key that no schema has may be a secret's, misspelled.
    """
    registry = tools.opener.registry
    try:
        plugins = [registry.get(name) for name in (present.settings.provider, wanted.provider)]
    except ConfigError:
        return None
    known = {key for plugin in plugins for key in (plugin.schema or {}).get("properties", ())}
    marked = {key for plugin in plugins for key in plugin.secret_keys()}
    return frozenset(marked | ({*present.settings.config, *wanted.config} - known))


def _missing_capabilities(
    tools: Tools, present: _Present, candidate: Candidate | None
) -> tuple[str, ...]:
    if candidate is None:
        return ()
    return lost_capabilities(tools, present.authority, candidate.capabilities)


def _lives(present: _Present, wanted: CASettings, look: _Look) -> Lives:
    keeps = look.kind is Kind.SETTINGS
    return Lives(
        wanted=wanted,
        standing=present.settings,
        limits=look.candidate.findings.limits if look.candidate else {},
        root=present.authority.certificates if keeps else (),
        signer=present.signer.certificates[0] if keeps else None,
    )


def _settle_seconds(wishes: Wishes, outlook: Outlook) -> int:
    if not outlook.distributes or not outlook.uncrossed or wishes.force:
        return 0
    return math.ceil(wishes.settle.total_seconds())


def _unreachable(everybody: tuple[Counted, ...]) -> tuple[str, ...]:
    return tuple(one.node for one in everybody if not one.is_reachable)[:NAMED]
