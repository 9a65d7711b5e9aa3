"""Assertions that something is refused."""

from contextlib import AbstractContextManager
from typing import cast

from ca_core.contract import Error
from ca_core.testing.conformance.verdict import refusal


def assert_refuses(*kinds: type[Error], of: str) -> AbstractContextManager[None, bool]:
    """Return a context whose block must be refused with one of ``kinds``.

    Args:
        kinds: errors of the contract, any of which is right.
        of: what should be refused, for the message: ``"another key for a known id"``.

    Raises:
        Violation: on leaving: it was accepted, or refused with another error.
    """
    expected = refusal(*kinds, of=of)
    return cast("AbstractContextManager[None, bool]", expected)  # typeshed forgets: it swallows
