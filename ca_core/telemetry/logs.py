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
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|caj1\.[0-9a-f]{16}\.[A-Za-z0-9_-]{43}"
    r"|\b(?:hvs|hvb|hvr|s|b|r)\.[A-Za-z0-9_-]{24,}"
    r"|(?i:(?:x-consul-token|x-vault-token|authorization|password|secret)['\"]?\s*[:=]\s*)\S+",
    re.DOTALL,
)

HIDDEN = "<hidden>"


def redacted(text: str) -> str:
    """Return ``text`` without private keys, join tokens, Vault tokens and credential headers."""
    return _SECRETS.sub(HIDDEN, text)


class RedactingFormatter(logging.Formatter):
    """Formats a record as text or JSON, tracebacks included, and redacts the whole line."""

    def __init__(self, form: Literal["text", "json"] = "text") -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s")
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        line = redacted(super().format(record))
        return line if self._form == "text" else _as_json(record, line)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the moment in RFC 3339, UTC, with milliseconds."""
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(record: logging.LogRecord, line: str) -> str:
    fields = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": line.split("  ", 1)[-1],
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
