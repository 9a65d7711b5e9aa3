"""Services as files have them: tables with the keys of the API, and faults with their place."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ca_core.agent.services.definitions import Registration
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.servicebodies import body_of
from ca_core.agent.services.sidecar import registrations_of
from ca_core.errors import ConfigError, RequestError
from ca_core.wire.services import ServiceBody


def registrations_in(
    table: Mapping[str, Any], state: LocalState, node: str | None, *, where: str
) -> tuple[Registration, ...]:
    """Return what a table registers: the instance, then its sidecar if it asks for one.

    Args:
        table: as TOML or JSON has it.
        state: what is registered now; a sidecar keeps the port that it has.
        node: the agent's; None where it is not known.
        where: the table, for messages.

    Raises:
        ConfigError: what is wrong; ``where`` is the table, and the key in it.
    """
    try:
        return registrations_of(body_of(plain_table(table), ServiceBody), state, node)
    except RequestError as error:
        message = str(error).removeprefix(f"{error.field}: ")
        place = f"{where}.{error.field}" if where and error.field else where or error.field
        raise ConfigError(message, where=place, hint=error.hint) from None


def plain_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as if it had come as JSON: as it is sent, kept, and told to servers.

    Raises:
        RequestError: what JSON cannot say: half a character, or tables without end.
    """
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(table))
    except (UnicodeEncodeError, RecursionError, msgspec.DecodeError):
        raise RequestError("cannot be said in JSON") from None
    return plain
