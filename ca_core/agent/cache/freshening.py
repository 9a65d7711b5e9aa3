"""What a caller's ``Cache-Control`` means for what is kept fresh anyway: one rule for all."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from ca_core.errors import Error
from ca_core.wire.freshness import Freshness


async def fresh_enough(
    freshness: Freshness, age: Callable[[], timedelta], ask_anew: Callable[[], Awaitable[None]]
) -> bool:
    """See that what is known is fresh enough for a caller; say whether it was at once.

    Args:
        freshness: what the caller says.
        age: how old what is known is.
        ask_anew: has a server asked; raises ``Error`` if none answers.

    Raises:
        Error: none answered, and what is known is older than the caller accepts then.
    """
    if freshness.accepts(age()):
        return True
    try:
        await ask_anew()
    except Error:
        if freshness.accepts_after_error(age()):
            return True
        raise
    return False
