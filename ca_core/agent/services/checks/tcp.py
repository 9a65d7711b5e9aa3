"""TCP checks: can a connection be opened?"""

import asyncio
import contextlib

from ca_core.agent.services.checks.outcome import Outcome
from ca_core.agent.services.definitions import Tcp
from ca_core.wire.catalog import CheckStatus


async def tcp_outcome(check: Tcp) -> Outcome:
    """Open a connection and close it; nothing is sent. The caller limits the time."""
    try:
        _, writer = await asyncio.open_connection(check.host, check.port)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        return Outcome(CheckStatus.CRITICAL, f"{_where(check)}: {reason}")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Outcome(CheckStatus.PASSING, f"TCP connect {_where(check)}: Success")


def _where(check: Tcp) -> str:
    return f"[{check.host}]:{check.port}" if ":" in check.host else f"{check.host}:{check.port}"
