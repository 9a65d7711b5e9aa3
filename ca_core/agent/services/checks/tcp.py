"""TCP checks: can a connection be opened?"""

import asyncio
import contextlib
from collections.abc import Iterable

from ca_core.agent.services.checks.outcome import Outcome
from ca_core.agent.services.checks.resolving import Resolver
from ca_core.agent.services.definitions import Tcp
from ca_core.wire.catalog import CheckStatus


async def tcp_outcome(check: Tcp, names: Resolver) -> Outcome:
    """Open a connection and close it; nothing is sent. The caller limits the time.

    Args:
        check: where to.
        names: looks hosts up.
    """
    try:
        writer = await _connected(await names.addresses(check.host), check.port)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        return Outcome(CheckStatus.CRITICAL, f"{_where(check)}: {reason}")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Outcome(CheckStatus.PASSING, f"TCP connect {_where(check)}: Success")


async def _connected(addresses: Iterable[str], port: int) -> asyncio.StreamWriter:
    """Open a connection to the first address that takes one.

    Raises:
        OSError: none does.
    """
    failed = OSError("no address")
    for address in addresses:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            failed = error
        else:
            return writer
    raise failed


def _where(check: Tcp) -> str:
    return f"[{check.host}]:{check.port}" if ":" in check.host else f"{check.host}:{check.port}"
