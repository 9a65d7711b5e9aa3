"""How a check says that a rule does not hold."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ca_core.contract import Error


class Violation(AssertionError):  # noqa: N818 - read by people as the verdict of a check
    """A rule of the contract does not hold; the text says what was seen, in domain words."""


class Inapplicable(Exception):  # noqa: N818 - no error: the rule does not concern this provider
    """The rule cannot be tried on this provider, as the contract allows; the text says why."""


def require(condition: object, seen: str) -> None:
    """Fail the check unless ``condition`` holds; works under ``python -O`` too.

    Raises:
        Violation: it does not; ``seen`` says what was seen instead.
    """
    if not condition:
        raise Violation(seen)


def refuse(fault: str | None) -> None:
    """Fail the check if a rule found a fault.

    Raises:
        Violation: with that fault.
    """
    if fault:
        raise Violation(fault)


@contextmanager
def refusal(*kinds: type[Error], of: str) -> Iterator[None]:
    """Expect the block to be refused with one of ``kinds``.

    Args:
        kinds: errors of the contract, any of which is right.
        of: what should have been refused, for the message.

    Raises:
        Violation: it was not refused, or with another error.
    """
    wanted = " or ".join(kind.__name__ for kind in kinds)
    try:
        yield
    except kinds:
        return
    except Violation:
        raise
    except Exception as error:
        seen = f"{of} raised {type(error).__name__} ({error}), not {wanted}"
        raise Violation(seen) from error
    raise Violation(f"{of} was accepted; it should raise {wanted}")


def raised_by(call: Callable[[], object]) -> Exception | None:
    """Return what the call raises, or None."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the caller judges it
        return error
    return None
