"""Errors only a client has, and how any error is told: one line what, one line what next."""

import sys

from ca_core.errors import Error


class UnreachableError(Error):
    """Nobody answers at ``address``, or the answer broke off."""

    def __init__(self, address: str, reason: str, *, hint: str) -> None:
        super().__init__(f"cannot reach {address}: {reason}", hint=hint)
        self.address = address


class AnsweredError(Error):
    """The agent or server answered with an error; ``status`` is its HTTP status."""

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class TriedError(Error):
    """A plugin failed in the process that tried it; ``code`` is the exit code to end with."""

    def __init__(self, message: str, *, code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class UnfinishedError(Error):
    """What was asked for did not happen: it was not confirmed, or the operation ended before."""


def tell(error: Error) -> None:
    """Write the error to standard error: what happened, then the next step if there is one."""
    sys.stderr.write(f"error: {_one_line(str(error))}\n")
    if error.hint:
        sys.stderr.write(f"next:  {_one_line(error.hint)}\n")


def _one_line(text: str) -> str:
    """Return ``text`` without line breaks and control characters that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
