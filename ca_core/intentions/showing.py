"""Intentions in the words of the wire."""

from ca_core.intentions.model import Intention
from ca_core.intentions.permissions import shown_permission
from ca_core.intentions.rows import Stored
from ca_core.wire.intentions import SOURCE_TYPE, IntentionAnswer
from ca_core.wire.times import wire_time


def shown(stored: Stored) -> IntentionAnswer:
    """Return an intention of the store with its indexes."""
    return shown_intention(stored.intention, stored.created, stored.version)


def shown_intention(intention: Intention, created: int = 0, version: int = 0) -> IntentionAnswer:
    """Return an intention as Consul shows one; ``created`` and ``version`` are its indexes."""
    return IntentionAnswer(
        id=intention.id,
        description=intention.description,
        source_namespace=intention.source.namespace,
        source_name=intention.source.name,
        destination_namespace=intention.destination.namespace,
        destination_name=intention.destination.name,
        source_type=SOURCE_TYPE,
        action=str(intention.action or ""),
        permissions=tuple(map(shown_permission, intention.permissions)),
        meta=dict(intention.meta),
        observe=intention.observe,
        precedence=intention.precedence,
        created_at=wire_time(intention.created) if intention.created else "",
        updated_at=wire_time(intention.updated) if intention.updated else "",
        create_index=created,
        modify_index=version,
    )
