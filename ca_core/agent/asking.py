"""Asking a server for news: bounded in time, and with errors of one tree only."""

import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from ca_core.agent.waiting import within
from ca_core.clock import Clock
from ca_core.errors import Error, ProviderError

log = logging.getLogger(__name__)

AnswerT = TypeVar("AnswerT")

SLACK = timedelta(seconds=60)
"""Added to a question's own wait: whoever hangs longer than that is given up."""


async def sound(asking: Coroutine[Any, Any, AnswerT], *, what: str) -> AnswerT:
    """Return what is answered; ``what`` names the question.

    Raises:
        ProviderError: it failed in a way it should not; that is logged.
        Error: nobody answered, or with a refusal.
    """
    try:
        return await asking
    except Error:
        raise
    except Exception as error:
        log.exception("%s failed in a way it should not", what)
        raise ProviderError(f"{what} failed: {type(error).__name__}") from error


async def asked_within(
    asking: Coroutine[Any, Any, AnswerT], wait: timedelta, clock: Clock, *, what: str
) -> AnswerT:
    """Return what ``sound`` does, or give up ``SLACK`` after the question's own ``wait``.

    Raises:
        UnavailableError: given up.
        Error: as ``sound``.
    """
    return await sound(within(asking, wait + SLACK, clock, what=what), what=what)
