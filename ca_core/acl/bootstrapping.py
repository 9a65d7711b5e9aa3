"""The first management token: made once; again only by whoever owns the server's machine."""

from dataclasses import replace
from datetime import datetime

import msgspec

from ca_core.acl.policies import MANAGEMENT_ID
from ca_core.acl.tokens import TokenRow, secret_hash
from ca_core.acl.tokenwriting import writing
from ca_core.errors import DeniedError
from ca_core.state.protocol import ABSENT, Transaction
from ca_core.state.rows import put
from ca_core.state.view import View

ACL = "acl"
"""Table: one row ``bootstrap``."""

BOOTSTRAP = "bootstrap"


class BootstrapRow(msgspec.Struct, frozen=True, kw_only=True):
    """When the first management token was made, or one after a reset, and which."""

    accessor: str
    at: datetime


def bootstrapped(
    view: View, accessor: str, secret: str, now: datetime, *, reset: bool = False
) -> Transaction:
    """Write a management token under ids that were drawn for it, and that it was done.

    Raises:
        DeniedError: it was done before, and this is no reset; names the reset index, as Consul.
    """
    done = view.get(ACL, BOOTSTRAP)
    if done is not None and not reset:
        raise DeniedError(
            f"Permission denied: ACL bootstrap no longer allowed (reset index: {done.version})",
            hint="if that token is lost: `ca-core token bootstrap --reset` on the server's own"
            " machine, as root or as the user that the server runs as",
        )
    row = TokenRow(
        accessor=accessor,
        secret_hash=secret_hash(secret),
        description="Bootstrap Token (Global Management)",
        policies=(MANAGEMENT_ID,),
        created=now,
    )
    made = writing(row, {(ACL, BOOTSTRAP): ABSENT if done is None else done.version})
    mark = put(ACL, BOOTSTRAP, BootstrapRow(accessor=accessor, at=now))
    return replace(made, changes=(*made.changes, mark))
