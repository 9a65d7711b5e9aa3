"""What ``ca_event`` tells: every type of event, and the fields each has."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class EventType(StrEnum):
    """What can happen; ``EVENT_FIELDS`` says which fields each has.

    Types and fields are added in any release, and never renamed.
    """

    SERVER_STARTED = "server.started"
    """A server began its work; it may not be able to sign yet."""

    SERVER_STOPPING = "server.stopping"
    """A server was told to stop; a killed one tells nothing."""

    PROVIDER_OPENED = "provider.opened"
    """The configured provider is open."""

    PROVIDER_UNAVAILABLE = "provider.unavailable"
    """The configured provider cannot be opened; told again after every attempt."""

    AUTHORITY_CREATED = "authority.created"
    """An authority was made and committed; it is trusted from now on."""

    AUTHORITY_ADOPTED = "authority.adopted"
    """An authority that existed before was taken over and committed."""

    AUTHORITY_RETIRED = "authority.retired"
    """An authority left the bundle: nothing it signed is alive, or it was compromised."""

    SIGNER_ACTIVATED = "signer.activated"
    """A signer became the one that signs leaves."""

    OPERATION_BEGUN = "operation.begun"
    """A change of who signs began; no other one begins before it is over."""

    OPERATION_PHASE = "operation.phase"
    """A change came into a phase, and goes on."""

    OPERATION_ENDED = "operation.ended"
    """A change is over: active, aborted, failed; or one that was active was rolled back."""

    LEFTOVER_ABANDONED = "leftover.abandoned"
    """An operator gave up removing what a backend holds of an authority or signer; it stays."""

    LEAF_ISSUED = "leaf.issued"
    """A leaf was signed, checked and recorded, and is released."""

    LEAF_DENIED = "leaf.denied"
    """A review plugin denied a leaf, or its verdict was missing and counts as one."""

    LEAF_REFUSED = "leaf.refused"
    """The guard refused what the provider signed; nothing was released."""

    LEAF_REVOKED = "leaf.revoked"
    """An operator revoked a leaf; it is in its signer's next CRL."""

    PLUGIN_SWITCHED_OFF = "plugin.switched_off"
    """A review plugin was over its budget too often and is asked no more until a restart."""

    AGENT_JOINED = "agent.joined"
    """A new agent was let in by its join token."""

    AGENT_REJOINED = "agent.rejoined"
    """An agent whose leaf had expired came back by proof of its old key."""

    AGENT_FORGOTTEN = "agent.forgotten"
    """An operator removed an agent; it can neither renew nor rejoin."""

    ACL_CHANGED = "acl.changed"
    """A token, policy, auth method or binding rule was created, changed or deleted by somebody."""


_WHO = MappingProxyType(
    {"identity": "SPIFFE ID asked for", "principal": "who asked, as in the issuance record"}
)
_AUTHORITY = MappingProxyType(
    {
        "authority": "id of the authority",
        "provider": "name of its provider",
        "root_sha256": "fingerprint of what the mesh trusts, hex",
        "not_after": "its end, RFC 3339",
    }
)
_OPERATION = MappingProxyType(
    {"operation": "id of the operation", "kind": "swap, rotate, renew, settings or taint"}
)
_AGENT = MappingProxyType({"node": "node name", "identity": "SPIFFE ID of the agent"})
_SERVER = MappingProxyType(
    {
        "server": "lasting name of this server",
        "datacenter": "name of its datacenter",
        "trust_domain": "the cluster's trust domain",
    }
)

EVENT_FIELDS: Mapping[EventType, Mapping[str, str]] = MappingProxyType(
    {
        EventType.SERVER_STARTED: _SERVER,
        EventType.SERVER_STOPPING: _SERVER,
        EventType.PROVIDER_OPENED: {"provider": "its name"},
        EventType.PROVIDER_UNAVAILABLE: {"provider": "its name", "error": "why, in one sentence"},
        EventType.AUTHORITY_CREATED: _AUTHORITY,
        EventType.AUTHORITY_ADOPTED: _AUTHORITY,
        EventType.SIGNER_ACTIVATED: {
            "authority": "id of its authority",
            "signer": "id of the signer",
            "signer_sha256": "fingerprint of its certificate, hex",
            "not_after": "its end, RFC 3339",
        },
        EventType.AUTHORITY_RETIRED: {
            "authority": "id of the authority",
            "provider": "name of its provider",
            "root_sha256": "fingerprint of what was trusted, hex",
            "tainted": "yes if it was compromised, else no",
        },
        EventType.OPERATION_BEGUN: {
            **_OPERATION,
            "actor": "who asked; policy for what was due",
            "old_authority": "id of the authority that signs",
            "new_authority": "id of the one that is to; the same if only the signer changes",
        },
        EventType.OPERATION_PHASE: {**_OPERATION, "phase": "prepared or distributed"},
        EventType.OPERATION_ENDED: {
            **_OPERATION,
            "phase": "active, aborted, failed or rolled_back",
            "actor": "who ended it; policy if it went by itself",
            "reason": "why, in one sentence; empty if it is active",
        },
        EventType.LEFTOVER_ABANDONED: {
            "authority": "id of the authority",
            "signer": "id of the signer; empty for the whole authority",
            "actor": "who gave it up",
            "error": "why it could not be removed, in one sentence",
        },
        EventType.LEAF_ISSUED: {
            **_WHO,
            "authority": "id of the authority",
            "signer": "id of the signer",
            "serial": "serial number, hex",
            "not_after": "its end, RFC 3339",
            "index": "its number in the issuance record",
        },
        EventType.LEAF_DENIED: {**_WHO, "plugin": "who denied", "reason": "why, as the caller saw"},
        EventType.LEAF_REFUSED: {
            **_WHO,
            "provider": "who signed",
            "rule": "id of the broken rule",
            "certificate": "fingerprint of what was refused, hex, or empty",
        },
        EventType.LEAF_REVOKED: {
            "identity": "SPIFFE ID in the leaf",
            "principal": "who revoked it",
            "authority": "id of the authority",
            "signer": "id of the signer",
            "serial": "serial number, hex",
            "reason": "as RFC 5280 §5.3.1 names it",
        },
        EventType.PLUGIN_SWITCHED_OFF: {"plugin": "its name", "reason": "why, in one sentence"},
        EventType.AGENT_JOINED: _AGENT,
        EventType.AGENT_REJOINED: _AGENT,
        EventType.AGENT_FORGOTTEN: {"node": "node name"},
        EventType.ACL_CHANGED: {
            "kind": "token, policy, auth method or binding rule",
            "change": "created, changed or deleted; a token that expires is not told",
            "id": "accessor of the token, id of the policy or rule, name of the auth method",
            "principal": "who did it; of a login the caller without a token",
        },
    }
)
"""Field name → meaning, by type of event; every value is text, and none is a secret."""
