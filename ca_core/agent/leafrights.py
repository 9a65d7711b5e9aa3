"""Who may have a leaf: checked before anything is looked up, and again whenever rights change."""

from ca_core.acl.access import Action, May
from ca_core.acl.names import foreign_names
from ca_core.acl.principal import Principal
from ca_core.acl.resolving import denial
from ca_core.agent.leafrecord import LeafRecord
from ca_core.errors import DeniedError


def check_right(may: May, principal: Principal, service: str) -> None:
    """Refuse a caller who may not be the service.

    Raises:
        DeniedError: says which right is missing.
    """
    if not may(principal, Action.SERVICE_WRITE, service):
        raise DeniedError(denial(principal, Action.SERVICE_WRITE, service))


def may_still(may: May, record: LeafRecord) -> bool:
    """Say whether a record's owner may still have its leaf, with every name in it."""
    owner, name = record.principal, record.name
    foreign = foreign_names(name.service, name.dns_names, name.ip_addresses)
    return may(owner, Action.SERVICE_WRITE, name.service) and all(
        may(owner, Action.OPERATOR_WRITE, other) for other in foreign
    )
