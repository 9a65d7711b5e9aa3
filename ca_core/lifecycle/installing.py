"""A change that waits for a signature from outside: its CSR, and the chain that answers it."""

import contextlib

from cryptography import x509

from ca_core.authority.rows import PENDING, PendingRow, read
from ca_core.authority.slots import Place
from ca_core.contract.requests import InstallRequest
from ca_core.errors import ConflictError, RequestError
from ca_core.lifecycle import commits
from ca_core.lifecycle.readiness import opened
from ca_core.lifecycle.rows import OperationPhase, OperationRow, open_operation
from ca_core.lifecycle.tools import Tools
from ca_core.state.view import View


def waiting_csr(view: View) -> str:
    """Return the CSR of the new primary CA that an open change waits for, as PEM, or ''."""
    row = open_operation(view)
    if row is None or row.phase is not OperationPhase.PLANNED or not row.makes_authority:
        return ""
    found = read(view, PendingRow, PENDING, f"{row.new.authority}.ensure")
    return "" if found is None else found.csr


async def install_chain(tools: Tools, chain: tuple[x509.Certificate, ...]) -> None:
    """Continue the open change with the chain that was signed outside.

    Args:
        tools: the server's parts.
        chain: the new primary CA first, then its issuers, the corporate root last.

    Raises:
        RequestError: no CSR waits, or the chain is for another key.
        Error: the provider refuses or fails.
    """
    row = open_operation(tools.view)
    if row is None or not waiting_csr(tools.view):
        raise RequestError("no change waits for a signature from outside", field="chain")
    request = InstallRequest(
        request_id=f"{row.new.authority}.install",
        deadline=tools.deadline(),
        id=row.new.authority,
        chain=chain,
    )
    await _installed(tools, row, request)
    await _wake(tools, row)


async def _installed(tools: Tools, row: OperationRow, request: InstallRequest) -> None:
    place = Place(row.new.authority, row.new.configuration)
    slot = tools.slots.hold(place)
    try:
        async with tools.lock(place.authority):
            ready = await opened(tools, slot)
            await ready.call(lambda provider: provider.install_authority(request))
    finally:
        tools.slots.release(place)


async def _wake(tools: Tools, row: OperationRow) -> None:
    """Let the one who carries the change out look again now, on whichever server it is."""
    transaction = commits.noted(tools.view, row, "")
    if transaction is None:
        return
    with contextlib.suppress(ConflictError):  # it went on already
        await tools.store.commit_async(transaction)
