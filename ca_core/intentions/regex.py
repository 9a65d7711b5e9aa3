"""Regular expressions that cannot blow up: RE2, of bounded length and bounded size.

RE2 matches in time linear in the text, whatever the expression; what it cannot do that way
(look-around, back-references) it refuses. Source: RE2's syntax page.
"""

from functools import lru_cache
from typing import Protocol

import re2

from ca_core.errors import RequestError

MAX_LENGTH = 1024
"""Characters of an expression."""

MAX_MEMORY = 256 * 1024
"""Bytes that a compiled expression and its matching may take; repetitions multiply."""


class Pattern(Protocol):
    """A compiled expression. Thread-safe."""

    @property
    def programsize(self) -> int:
        """Return how many places its program has: a character costs at most so many steps."""
        ...

    def fullmatch(self, text: str) -> object | None:
        """Return something if the whole of ``text`` matches, else None."""
        ...


def checked_regex(text: str, field: str) -> None:
    """Refuse an expression that ``compiled`` does not take.

    Raises:
        RequestError: too long, not of RE2's syntax, or too large; ``field`` names the place.
    """
    if len(text) > MAX_LENGTH:
        raise RequestError(f"regular expression exceeds maximum length {MAX_LENGTH}", field=field)
    try:
        compiled(text)
    except (re2.error, UnicodeError) as error:
        raise RequestError(
            f"is no regular expression of RE2: {_words(error)}",
            field=field,
            hint="look-around and back-references do not exist there",
        ) from None


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """Return the expression, compiled; remembered, because few are used often.

    Raises:
        re2.error, UnicodeError: never for what ``checked_regex`` has let pass.
    """
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    pattern: Pattern = re2.compile(text, options)
    return pattern


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else "it is not UTF-8"
