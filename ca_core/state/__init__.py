"""State: one logical clock, tables with compare-and-set, ledgers, and engines that keep them."""

from ca_core.state.protocol import (
    ABSENT,
    LEASES,
    MAX_CHANGES,
    Change,
    Engine,
    Fence,
    LedgerRow,
    Row,
    Snapshot,
    Transaction,
)
from ca_core.state.store import Store
from ca_core.state.view import View

__all__ = [
    "ABSENT",
    "LEASES",
    "MAX_CHANGES",
    "Change",
    "Engine",
    "Fence",
    "LedgerRow",
    "Row",
    "Snapshot",
    "Store",
    "Transaction",
    "View",
]
