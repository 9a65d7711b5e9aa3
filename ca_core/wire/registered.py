"""What an agent has registered, as it tells a server."""

import hashlib

import msgspec

from ca_core.wire.catalog import Check, Service


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """One instance and its checks.

    Attributes:
        grant: of the token that registered it; '' if the agent vouches.
    """

    service: Service = msgspec.field(name="Service")
    checks: tuple[Check, ...] = msgspec.field(name="Checks", default=())
    grant: str = msgspec.field(name="Grant", default="")

    def __repr__(self) -> str:
        return f"Registered({self.service.id})"


class RegisteredState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/cluster/registered``: everything that is registered at one agent, whole.

    Attributes:
        address: where the services of the node are reached, unless they say otherwise.
        services: by id, in order.
        checks: those of the node itself, by id, in order.
    """

    address: str = msgspec.field(name="Address", default="")
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)
    services: tuple[Registered, ...] = msgspec.field(name="Services", default=())
    checks: tuple[Check, ...] = msgspec.field(name="Checks", default=())


class RefusedService(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that the server did not take, and why."""

    id: str = msgspec.field(name="ID")
    reason: str = msgspec.field(name="Reason")


class RegisteredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it; ``digest`` is that of what is stored now."""

    digest: str = msgspec.field(name="Digest")
    refused: tuple[RefusedService, ...] = msgspec.field(name="Refused", default=())


def digest_of(state: RegisteredState) -> str:
    """Return SHA-256, hex, of the state without its grants; indexes count as they stand."""
    bare = msgspec.structs.replace(
        state, services=tuple(msgspec.structs.replace(one, grant="") for one in state.services)
    )
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
