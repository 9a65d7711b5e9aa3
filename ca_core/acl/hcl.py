"""The part of HCL in which rule documents are written, and nothing more of it.

Blocks with labels, objects, and strings, in the forms of HCL 1 and 2; comments. No expression is
known, so none can be evaluated. Why this is not a library: ``docs/decisions``, 0014.

Source: the syntax page of HCL's native format.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from ca_core.errors import RequestError

Table = tuple[tuple[str, object], ...]
"""Keys and values in order, a key perhaps more than once; a value is text or again a table."""

MOST_DEEP = 8
"""Tables within tables, labels included; a rule document needs three."""

MOST_SHOWN = 40
"""Characters of a wrong word that a message repeats."""

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | \#[^\n]* | //[^\n]* | /\*.*?\*/ )
  | (?P<string> "(?:[^"\\\n]|\\.)*" )
  | (?P<word> [A-Za-z_][A-Za-z0-9_-]* )
  | (?P<mark> [{}=:,] )
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)

_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}

_UNICODE_END = 0x110000


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


_END = "the end"


def parse_hcl(text: str) -> Table:
    """Return what a document says; ``a "b" { c = "d" }`` is ``(("a", (("b", (("c", "d"),)),)),)``.

    Raises:
        RequestError: not this language, an interpolation, or too deep; it names the line.
    """
    return _Parser(text).document()


class _Parser:
    """Reads one document from left to right; ``_ahead`` is the token not yet taken."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._ahead = next(self._tokens)

    def document(self) -> Table:
        return self._pairs(_END, depth=0)

    def _pairs(self, closing: str, depth: int) -> Table:
        pairs = []
        while self._ahead.kind != closing:
            pairs.append(self._pair(depth, "a name" if closing == _END else "a name or '}'"))
            if self._ahead.kind == ",":
                self._take()
        self._take()
        return tuple(pairs)

    def _pair(self, depth: int, wanted: str) -> tuple[str, object]:
        keys = [self._key(wanted)]
        while self._ahead.kind in {"string", "word"}:
            keys.append(self._key(wanted))
        value = self._value(depth + len(keys), labelled=len(keys) > 1)
        for key in reversed(keys[1:]):
            value = ((key, value),)
        return keys[0], value

    def _key(self, wanted: str) -> str:
        if self._ahead.kind not in {"string", "word"}:
            self._refuse(wanted)
        return self._take().text

    def _value(self, depth: int, *, labelled: bool) -> object:
        """Return what follows the name: a block, or after ``=`` a string or an object."""
        self._require_shallow(depth)
        if self._ahead.kind in {"=", ":"} and not labelled:
            self._take()
            if self._ahead.kind == "string":
                return self._take().text
        if self._ahead.kind != "{":
            self._refuse("'{'" if labelled else 'a string in quotes, as in = "read"')
        self._take()
        return self._pairs("}", depth)

    def _require_shallow(self, depth: int) -> None:
        if depth > MOST_DEEP:
            _refuse(self._ahead.line, f"more than {MOST_DEEP} levels deep")

    def _refuse(self, wanted: str) -> NoReturn:
        found = self._ahead
        shown = found.text if found.kind == _END else repr(found.text[:MOST_SHOWN])
        _refuse(found.line, f"expected {wanted}, not {shown}")

    def _take(self) -> _Token:
        taken = self._ahead
        self._ahead = next(self._tokens, taken)
        return taken


def _tokens(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse(line, _why_no_token(text[position : position + MOST_SHOWN]))
        if match.lastgroup != "space":
            yield _token(str(match.lastgroup), match.group(), line)
        line += match.group().count("\n")
        position = match.end()
    yield _Token(_END, "the end of the document", line)


def _token(kind: str, text: str, line: int) -> _Token:
    if kind == "string":
        return _Token(kind, _unquoted(text[1:-1], line), line)
    return _Token(text if kind == "mark" else kind, text, line)


def _why_no_token(rest: str) -> str:
    if rest.startswith('"'):
        return "a string without its closing quote"
    if rest.startswith("/*"):
        return "a comment without its end"
    first = rest.split(maxsplit=1)[0]
    return f"{first!r} has no place in rules; a value is a string in quotes, a rule is a block"


def _unquoted(inner: str, line: int) -> str:
    if "${" in inner or "%{" in inner:
        _refuse(line, "interpolation is not supported; write the name itself")
    return _ESCAPE.sub(lambda match: _character(match.group(1), line), inner)


def _character(escape: str, line: int) -> str:
    if escape in _ESCAPED:
        return _ESCAPED[escape]
    code = int(escape[1:], 16) if escape[0] in "uU" and len(escape) > 1 else _UNICODE_END
    if code >= _UNICODE_END:
        _refuse(line, f"unknown escape of {escape!r}")
    return chr(code)


def _refuse(line: int, fault: str) -> NoReturn:
    raise RequestError(f"line {line}: {fault}", field="rules")
