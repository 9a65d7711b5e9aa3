"""Logs of a process: one line each, and a last net under secrets.

No code of ours logs a secret; the filter is for what a library or a plugin might.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal

_SECRETS = re.compile(
    r"""
      -----BEGIN[ ][A-Z ]{0,40}PRIVATE[ ]KEY-----
        .*? (?: -----END[ ][A-Z ]{0,40}PRIVATE[ ]KEY----- | \Z )
    | caj1\.[0-9a-f]{16}\.[A-Za-z0-9_-]{43}                      # join token
    | (?<![\w-]) (?: [A-Za-z0-9_-]{43} | [A-Za-z0-9+/]{43}= ) (?![\w-])   # 32 bytes, base64
    | hv[sbr]\.[A-Za-z0-9_-]{20,}                                # Vault token
    | (?<![A-Za-z0-9]) [sbr]\.[A-Za-z0-9_-]{24,}                 # Vault token of old
    | (?P<name>
        (?i: token | secret | passwo?r?d | passphrase | authorization | cookie | credential
           | api[_-]?key | private[_-]?key )
        (?! [\w.-]{0,32}(?: file | path | ttl )\b ) [\w.-]{0,32}
        \\{0,8}['"]? \s* (?: [:=] | (?<=['"]) , ) \s*
      )
      (?: b?'(?: [^'\\] | \\. )*(?: ' | \Z ) | b?"(?: [^"\\] | \\. )*(?: " | \Z )
        | \\{1,8}['"] .*? (?: \\{1,8}['"] | \Z )
        | (?i: bearer | basic | digest | negotiate )[ ][^\r\n]* | \S+ )
    """,
    re.DOTALL | re.VERBOSE,
)

HIDDEN = "<hidden>"


def redacted(text: str) -> str:
    """Return ``text`` without private keys, tokens, 32-byte secrets and values of credentials."""
    return _SECRETS.sub(rf"\g<name>{HIDDEN}", text)


class RedactingFormatter(logging.Formatter):
    """Formats a record as text or JSON, tracebacks included, and redacts the whole line."""

    def __init__(self, form: Literal["text", "json"] = "text") -> None:
        text = "%(asctime)s %(levelname)-7s %(name)s  %(message)s"
        super().__init__(text if form == "text" else "%(message)s")
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record, also for one whose arguments do not fit its text."""
        try:
            line = super().format(record)
        except Exception:  # noqa: BLE001 - else logging prints it with its arguments, not redacted
            line = f"{record.levelname} {record.name}  {record.msg!r} with {record.args!r}"
        line = redacted(line)
        return line if self._form == "text" else _as_json(record, line)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the moment in RFC 3339, UTC, with milliseconds."""
        return _moment(record)


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(record: logging.LogRecord, message: str) -> str:
    fields = {
        "time": _moment(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message,
    }
    return json.dumps(fields)


def set_up_logging(level: str, form: Literal["text", "json"]) -> None:
    """Send this process's logs to standard error; called once by the command line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
