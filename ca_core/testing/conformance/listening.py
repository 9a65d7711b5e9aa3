"""Hearing what a provider says in its log and its errors, to look for what must not be there."""

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager

PROVIDER_LOGGER = "ca_core.testing.provider"
"""The logger that ``provider_context`` lends."""


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            self._heard.extend(told_by(record.exc_info[1]))


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect every log message written meanwhile, of whatever level, by whatever logger."""
    heard: list[str] = []
    ear, loggers = _Ear(heard), (logging.getLogger(), logging.getLogger(PROVIDER_LOGGER))
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(ear)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        loggers[0].removeHandler(ear)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def told_by(error: BaseException) -> list[str]:
    """Return what an error says, and whatever caused it."""
    found: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 40:  # noqa: PLR2004 - a chain may be a circle
        found += [str(cause), repr(cause)]
        cause = cause.__cause__ or cause.__context__
    return found


def shows(text: str, secret: bytes) -> bool:
    """Say whether a private key (PKCS#8 DER) can be read in ``text``: PEM, base64, hex or bytes."""
    part = secret[39:63]  # of an EC key its private number; the bytes before it are the same in all
    spellings = (base64.b64encode(part).decode(), part.hex(), repr(part)[2:-1])
    bare = _bare(text)
    return "PRIVATEKEY-----" in bare or any(_bare(spelling) in bare for spelling in spellings)


def _bare(text: str) -> str:
    """Return the text without what differs from one way of printing to another."""
    return text.replace("\\n", "").translate(_LAYOUT)


_LAYOUT = str.maketrans("", "", " \t\r\n'\"\\")
