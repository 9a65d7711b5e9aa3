"""A net under every test of this folder: no secret that it hands out is logged, shown or told.

What the server gives as tokens, role ids, secret ids and unseal keys, and what it is given as
passwords, is remembered for the whole process. After each phase of a test, everything that was
logged (down to the debug level), printed, or put into an error of ours is searched for it.
"""

import json
import logging
from collections.abc import Iterator
from functools import wraps

import pytest

from ca_core.contract import Error
from tests.vaults.server import VaultServer

SECRET_FIELDS = frozenset(
    {"client_token", "jwt", "key", "keys", "keys_base64", "password", "role_id", "root_token"}
    | {"secret_id", "token"}
)
"""Fields of requests and answers whose text is secret."""

MARKS = ("PRIVATE KEY--",)
SHORTEST = 8
"""Shorter texts, such as a test's own password, are also parts of ordinary words."""

_HANDED_OUT = pytest.StashKey["HandedOut"]()


class HandedOut:
    """Every secret of this process so far, and what was said since the last look."""

    def __init__(self) -> None:
        self.secrets: set[str] = set(MARKS)
        self.said: list[str] = []

    def remember(self, found: object, *, secret: bool = False) -> None:
        """Take the secrets out of a JSON value."""
        match found:
            case dict():
                for name, value in found.items():
                    self.remember(value, secret=name in SECRET_FIELDS)
            case list():
                for each in found:
                    self.remember(each, secret=secret)
            case str() if secret and len(found) >= SHORTEST:
                self.secrets.add(found)

    def leaks(self, *more: str) -> list[str]:
        """Return where a secret is, each with what stands before it; forget what was said."""
        texts, self.said = [*self.said, *more], []
        return [
            f"...{text[max(text.index(secret) - 200, 0) : text.index(secret)]}<secret>"
            for text in texts
            for secret in self.secrets
            if secret in text
        ]


def handed_out(config: pytest.Config) -> HandedOut:
    """Return what this process has handed out."""
    return config.stash.setdefault(_HANDED_OUT, HandedOut())


class _Ear(logging.Handler):
    """Hears every record, with its traceback."""

    def __init__(self, heard: HandedOut) -> None:
        super().__init__(logging.DEBUG)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.said.append(f"{record.name}: {self.format(record)}")


@pytest.fixture(scope="session", autouse=True)
def listening(request) -> Iterator[None]:
    """Remember secrets from every call of a test."""
    found, call = handed_out(request.config), VaultServer.call

    @wraps(call)
    def calling(self, method, path, body=None, **more):
        found.remember(body)
        answer = call(self, method, path, body, **more)
        if method != "LIST":  # its "keys" are names
            found.remember(answer)
        found.remember([self.token, self.unseal_key], secret=True)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VaultServer, "call", calling)
        yield


@pytest.fixture(autouse=True)
def debugging(request, caplog) -> Iterator[None]:
    """Let every logger and every error of ours speak, whatever a test itself wants to see."""
    found, init, root = handed_out(request.config), Error.__init__, logging.getLogger()
    level, ear = root.level, _Ear(found)

    @wraps(init)
    def made(self, *arguments, **more):
        found.said.append(f"{type(self).__name__}: {arguments} {more}")
        init(self, *arguments, **more)

    caplog.handler.setLevel(level)  # the test's own view stays as it was
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Error, "__init__", made)
        yield
    root.removeHandler(ear)
    root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail a phase that said a secret, whatever else became of it."""
    del call  # the report is made of it below
    report = yield
    printed = [text for title, text in report.sections if "log" not in title]  # logs are heard
    leaks = handed_out(item.config).leaks(*printed)
    if leaks:
        report.outcome = "failed"
        report.longrepr = "A SECRET WAS SHOWN:\n" + "\n".join(json.dumps(leak) for leak in leaks)
    return report
