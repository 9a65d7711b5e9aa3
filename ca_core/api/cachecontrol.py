"""``Cache-Control`` of a request, and its neighbours in the query, as one value.

Source: RFC 9111 §5.2.1, RFC 5861 §4; Consul's published pages on agent caching and consistency.
"""

import re
from datetime import timedelta
from functools import lru_cache

from ca_core.api.http import Request, flag
from ca_core.errors import RequestError
from ca_core.wire.freshness import ANY_AGE, Freshness

_LONGEST = timedelta(days=365 * 100)
_NUMBER = re.compile(r"[0-9]{1,20}\Z")
_ANEW = Freshness(must_revalidate=True)


def freshness_of(request: Request) -> Freshness:
    """Return how old an answer from memory may be for the caller.

    ``?consistent`` is ``must-revalidate``; ``?cached`` and ``?stale`` say what holds anyway.

    Raises:
        RequestError: ``Invalid Cache-Control header.``, or conflicting parameters.
    """
    query = request.query
    anew = ("consistent" in query or "%" in query) and _is_consistent(request)
    said = request.headers.get("cache-control")
    if said is None:
        return _ANEW if anew else ANY_AGE
    found = parse_cache_control(said)
    return Freshness(must_revalidate=True, stale_if_error=found.stale_if_error) if anew else found


@lru_cache(maxsize=256)
def parse_cache_control(text: str) -> Freshness:
    """Return what a ``Cache-Control`` header of a request says.

    Directives are separated by commas, their names in any case; unknown ones are left aside.
    ``max-age=0`` is ``must-revalidate``; of two alike the last counts.

    Raises:
        RequestError: a number of seconds is none, or stands in quotes.
    """
    given = dict(_parts(directive) for directive in text.lower().split(","))
    max_age, stale = given.get("max-age"), given.get("stale-if-error")
    age = None if max_age is None else _seconds(max_age)
    found = Freshness(
        max_age=age or None,
        must_revalidate="must-revalidate" in given or age == timedelta(),
        stale_if_error=None if stale is None else _seconds(stale),
    )
    return ANY_AGE if found == ANY_AGE else found


def _parts(directive: str) -> tuple[str, str]:
    name, _, value = directive.partition("=")
    return name.strip(), value.strip()


def _seconds(text: str) -> timedelta:
    if not _NUMBER.match(text):
        raise RequestError(
            "Invalid Cache-Control header.",
            field="Cache-Control",
            hint="like max-age=30, stale-if-error=300: whole seconds, a comma between two",
        )
    return min(timedelta(seconds=min(int(text), 10**10)), _LONGEST)


def _is_consistent(request: Request) -> bool:
    consistent = flag(request, "consistent")
    for other in ("cached", "stale"):
        if consistent and flag(request, other):
            raise RequestError(
                f"Cannot specify ?{other} with ?consistent, conflicting semantics.",
                field="consistent",
            )
    return consistent
