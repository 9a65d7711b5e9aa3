"""Asking a provider under a configuration that is stored nowhere; nothing is changed anywhere."""

import asyncio
from dataclasses import dataclass

from ca_core.authority.settings import CASettings
from ca_core.contract.answers import Findings
from ca_core.contract.capabilities import Capability
from ca_core.contract.requests import ProbeRequest
from ca_core.lifecycle.tools import Tools, new_request_id


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that was opened for a look.

    Attributes:
        findings: what it saw.
        capabilities: what it can do as it is configured.
    """

    findings: Findings
    capabilities: frozenset[Capability]


async def probed(tools: Tools, settings: CASettings, authority: str) -> Candidate:
    """Ask a provider under a configuration what exists and what is missing.

    Args:
        tools: the server's parts.
        settings: the configuration, secrets in clear.
        authority: id of the authority that it is asked about.

    Raises:
        Error: it cannot be opened, or does not answer.
    """
    return await asyncio.to_thread(_probed, tools, settings, authority)


def check_update(tools: Tools, standing: CASettings, wanted: CASettings) -> None:
    """Refuse a configuration that its provider refuses, by itself or after the present one. Blocks.

    Raises:
        ConfigError: the provider is unknown, or refuses it.
    """
    plugin = tools.opener.registry.get(wanted.provider)
    if standing.provider == wanted.provider:
        plugin.check_update(standing.config, wanted.config)
    else:
        plugin.parse_config(wanted.config)


def _probed(tools: Tools, settings: CASettings, authority: str) -> Candidate:
    provider = tools.opener.trial(settings, authority)
    try:
        request = ProbeRequest(request_id=new_request_id(), deadline=tools.deadline())
        return Candidate(provider.probe(request), provider.capabilities)
    finally:
        provider.close()
