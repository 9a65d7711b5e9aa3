"""Whether an operation can be rolled back; pure."""

from datetime import datetime

from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CURRENT,
    SIGNERS,
    AuthorityRow,
    ConfigurationRow,
    CurrentRow,
    Phase,
    SignerRow,
    read,
)
from ca_core.errors import RequestError
from ca_core.lifecycle.rows import Kind, OperationPhase, OperationRow
from ca_core.state.view import View


def require_way_back(view: View, row: OperationRow, now: datetime) -> None:
    """Refuse to roll back what cannot be.

    Raises:
        RequestError: it is not active, what it led to does not sign or stand now, or the old
            authority or signer is retired, compromised or expired.
    """
    if row.phase is not OperationPhase.ACTIVE:
        raise RequestError(f"operation {row.id} is {row.phase}, not active", field="operation")
    if row.kind is Kind.TAINT:
        raise RequestError("a compromised authority never signs again", field="operation")
    current = read(view, CurrentRow, CURRENT, "signer")
    if current is None or (current.authority, current.signer) != (
        row.new.authority,
        row.new.signer,
    ):
        raise RequestError(f"what operation {row.id} led to does not sign now", field="operation")
    standing = read(view, ConfigurationRow, CONFIGURATION, "ca")
    is_alone = row.makes_configuration and not row.makes_authority
    if is_alone and (standing is None or standing.id != row.new.configuration):
        raise RequestError(f"what operation {row.id} led to does not stand now", field="operation")
    old = read(view, AuthorityRow, AUTHORITIES, row.old.authority)
    if old is None or old.phase not in {Phase.DRAINING, Phase.SIGNING}:
        raise RequestError("the old authority is retired: there is no way back", field="operation")
    if old.tainted:
        raise RequestError("a compromised authority never signs again", field="operation")
    signer = read(view, SignerRow, SIGNERS, row.old.signer)
    if signer is None or signer.certificates[0].not_valid_after_utc <= now:
        raise RequestError("the old signer has expired: there is no way back", field="operation")
