"""How old an answer from memory may be for the caller that asks: ``Cache-Control`` as a value."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What a caller says about the age of answers.

    The age of a value that is kept fresh is zero while contact with the server stands, and the time
    since it was lost otherwise.

    Attributes:
        max_age: an older value is asked for anew; None accepts any age.
        must_revalidate: ask anew, however young the value is.
        stale_if_error: if asking anew fails, a value up to this age is answered all the same;
            None answers with the error. Without ``max_age`` and ``must_revalidate`` it means
            nothing: nothing is asked anew.

    Source: RFC 9111 §5.2, RFC 5861 §4; as Consul documents them for its agent's cache.
    """

    max_age: timedelta | None = None
    must_revalidate: bool = False
    stale_if_error: timedelta | None = None

    def accepts(self, age: timedelta) -> bool:
        """Say whether a value of this age is answered without asking anew."""
        return not self.must_revalidate and (self.max_age is None or age <= self.max_age)

    def accepts_after_error(self, age: timedelta) -> bool:
        """Say whether a value of this age is answered after asking anew has failed."""
        return self.stale_if_error is not None and age <= self.stale_if_error


ANY_AGE = Freshness()
"""Callers that say nothing."""
