"""What another configuration changes: nothing, the settings, the root, or the provider; pure.

A plan and the change itself ask the same function, so that the one says what the other does.
"""

from dataclasses import replace as replaced

from ca_core.authority.configuration import digest_of
from ca_core.authority.settings import CASettings
from ca_core.contract.answers import Findings
from ca_core.lifecycle.rows import Kind


def needs_findings(standing: CASettings, wanted: CASettings) -> bool:
    """Say whether only the backend knows: the same provider with other keys of its own."""
    return (
        standing.provider == wanted.provider
        and not _asks_for_another_root(standing, wanted)
        and not _has_same_keys_of_its_own(standing, wanted)
    )


def classify(
    standing: CASettings, wanted: CASettings, findings: Findings | None = None
) -> Kind | None:
    """Return what a change to another configuration is; None if nothing differs.

    1. Identical is no change. 2. Another provider has another root. 3. So does another key, or
    another choice of anchor. 4. The same provider with the same keys of its own keeps its root.
    5. With others it keeps it if it finds it there.

    Args:
        standing: secrets in clear.
        wanted: secrets in clear.
        findings: what the provider finds of the present authority under ``wanted``; needed only
            where ``needs_findings`` says so.
    """
    if digest_of(standing) == digest_of(wanted):  # (1)
        return None
    if standing.provider != wanted.provider:  # (2)
        return Kind.SWAP
    if _asks_for_another_root(standing, wanted):  # (3)
        return Kind.ROTATE
    if _has_same_keys_of_its_own(standing, wanted):  # (4)
        return Kind.SETTINGS
    found = findings is not None and findings.exists
    return Kind.SETTINGS if found else Kind.SWAP  # (5)


def reason_for(standing: CASettings, wanted: CASettings, kind: Kind | None) -> str:
    """Return in one sentence why the root changes, or why it does not."""
    match kind:
        case None:
            return "this configuration stands already"
        case Kind.SETTINGS:
            return "the same root is found under the new configuration"
        case Kind.SWAP if standing.provider != wanted.provider:
            return f"another provider signs: {wanted.provider} instead of {standing.provider}"
        case Kind.SWAP:
            return "the present root is not found under the new configuration"
        case _ if standing.key != wanted.key:
            return f"the key of the CA changes: {wanted.key} instead of {standing.key}"
        case _:
            return "another certificate of the chain becomes the anchor"


def _asks_for_another_root(standing: CASettings, wanted: CASettings) -> bool:
    return (standing.key, standing.trust_corporate_root) != (
        wanted.key,
        wanted.trust_corporate_root,
    )


def _has_same_keys_of_its_own(standing: CASettings, wanted: CASettings) -> bool:
    return digest_of(replaced(standing, config=wanted.config)) == digest_of(standing)
