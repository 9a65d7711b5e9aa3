"""Selectors of binding rules: what must be so of a login, as a small expression.

The part of Consul's filter language that is served::

    value.env == "prod" and "ops" in list.groups and list.groups contains "eng"

``value.NAME`` is one text, ``list.NAME`` several; both come from the auth method's mappings. What
no JWT said is equal to nothing and contains nothing. An empty selector is true of every login.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from ca_core.errors import RequestError

MOST_CHARACTERS = 1024
MOST_TERMS = 16

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\["\\])*"|`[^`]*`)'
    r"|(?P<name>(?:value|list)\.[A-Za-z_][A-Za-z0-9_]{0,63})(?![\w.])"
    r"|(?P<word>==|and\b|in\b|contains\b))"
)

_HINT = 'served are: value.X == "y", "y" in list.X, list.X contains "y", joined by and'


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a JWT says, under the names that the auth method gives.

    Attributes:
        values: name → text.
        lists: name → texts.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must be so: ``name`` is, or contains, ``text``."""

    name: str
    text: str
    several: bool

    def holds(self, claims: Claims) -> bool:
        """Say whether it is so."""
        if self.several:
            return self.text in claims.lists.get(self.name, ())
        return claims.values.get(self.name) == self.text


Selector = tuple[Term, ...]
"""Terms that must all be so."""


def parse_selector(text: str) -> Selector:
    """Return the terms of a selector.

    Raises:
        RequestError: too long, or anything but what is served.
    """
    if len(text) > MOST_CHARACTERS:
        raise RequestError(f"more than {MOST_CHARACTERS} characters", field="Selector")
    words = list(_words(text))
    terms = []
    while words:
        terms.append(_term(words[:3]))
        if len(words) > 3 and words[3] != ("word", "and"):  # noqa: PLR2004 - a term has three words
            _refuse(words[3][1])
        if len(words) == 4:  # noqa: PLR2004 - a term, and an "and" that nothing follows
            _refuse("the end")
        words = words[4:]
    if len(terms) > MOST_TERMS:
        raise RequestError(f"more than {MOST_TERMS} terms", field="Selector")
    return tuple(terms)


def selects(selector: Selector, claims: Claims) -> bool:
    """Say whether every term is so."""
    return all(term.holds(claims) for term in selector)


def _words(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    rest = text.rstrip()
    while at < len(rest):
        found = _TOKEN.match(rest, at)
        if found is None:
            _refuse(rest[at:].split(maxsplit=1)[0])
        kind = str(found.lastgroup)
        yield kind, found.group(kind)
        at = found.end()


def _term(words: list[tuple[str, str]]) -> Term:
    match words:
        case [("name", name), ("word", "=="), ("text", text)] if name.startswith("value."):
            return Term(name.removeprefix("value."), _plain(text), several=False)
        case [("name", name), ("word", "contains"), ("text", text)] if name.startswith("list."):
            return Term(name.removeprefix("list."), _plain(text), several=True)
        case [("text", text), ("word", "in"), ("name", name)] if name.startswith("list."):
            return Term(name.removeprefix("list."), _plain(text), several=True)
    return _refuse(" ".join(word for _, word in words))


def _plain(quoted: str) -> str:
    inner = quoted[1:-1]
    return inner if quoted[0] == "`" else re.sub(r"\\(.)", r"\1", inner)


def _refuse(found: str) -> NoReturn:
    raise RequestError(f"{found[:80]!r} is not served here", field="Selector", hint=_HINT)
