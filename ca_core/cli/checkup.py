"""What a check of ``doctor`` finds, and how many findings become one exit code."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ca_core.cli.address import Address
from ca_core.cli.client import Answer, Client
from ca_core.config import Config
from ca_core.errors import ConfigError, Error

PLUGIN_LIMIT = timedelta(seconds=20)
"""A plugin that takes longer to be imported hangs; machines that start much at once are slow."""


class Level(StrEnum):
    """How bad a finding is; ``skipped`` says why there was nothing to check."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        group: heading it stands under.
        check: what was looked at, in two or three words.
        level: how bad it is.
        detail: one sentence; no secret.
        hint: what to type or do; empty only if nothing is needed.
    """

    group: str
    check: str
    level: Level
    detail: str
    hint: str = ""


class NotUnderstoodError(Exception):
    """A check needs what the configuration says, and that is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the checks look at.

    Attributes:
        file: the configuration file, or None if there is none.
        loaded: what it says, with the environment, or why that is not understood.
        address: the API to ask; None where only the configuration could say it.
        token: sent to it, or None.
        named: whether the operator named the address, so that silence there is a failure.
        absence: what to do if nobody answers there; empty where nothing is configured.
        now: aware UTC.
        plugin_limit: how long each plugin may take to be imported.
        began: monotonic seconds at ``now``.
        answers: what was asked already, and what came.
    """

    file: Path | None
    loaded: Config | ConfigError = field(default_factory=Config)
    address: Address | None
    token: str | None = field(default=None, repr=False)
    named: bool = False
    absence: str = ""
    now: datetime
    plugin_limit: timedelta = PLUGIN_LIMIT
    began: float = field(default_factory=time.monotonic)
    answers: dict[tuple[Address, str], Answer | Error] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def config(self) -> Config:
        """Return what the configuration says; nobody judges defaults in its place.

        Raises:
            NotUnderstoodError: it cannot be read, or is wrong.
        """
        if isinstance(self.loaded, ConfigError):
            raise NotUnderstoodError
        return self.loaded

    @property
    def api(self) -> Address:
        """Return the API to ask.

        Raises:
            NotUnderstoodError: only the configuration could say where it is.
        """
        if self.address is None:
            raise NotUnderstoodError
        return self.address

    def moment(self) -> datetime:
        """Return the time by now: checks before this one took theirs."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def asked(self, path: str, address: Address | None = None) -> Answer:
        """Return what stands at ``path``; however many checks want it, it is asked for once.

        Args:
            path: what to read.
            address: where; None for the API that is examined.

        Raises:
            UnreachableError: nobody answers.
            AnsweredError: an error answer.
            NotUnderstoodError: as ``api``.
        """
        where = address or self.api
        if (where, path) not in self.answers:
            missing = self.absence if where == self.address else ""
            self.answers[where, path] = _answer_of(where, self.token, path, missing)
        found = self.answers[where, path]
        if isinstance(found, Error):
            raise found.with_traceback(None)
        return found


def _answer_of(address: Address, token: str | None, path: str, absence: str) -> Answer | Error:
    try:
        with Client(address, token, absence=absence) as client:
            return client.get(path)
    except Error as error:
        return error


Found = tuple[Level, str, str]
"""Level, detail and hint."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``look`` returns (level, detail, hint) and may raise ``Error`` for a failure."""

    group: str
    name: str
    look: Callable[[Situation], Found]

    def done(self, situation: Situation) -> Finding:
        """Return what the check finds; an error is a failure, and so is a check that breaks.

        What this user may not look at is skipped: that says nothing about the installation. So is
        what depends on a configuration that is not understood: defaults are not what is meant.
        """
        try:
            level, detail, hint = self.look(situation)
        except Error as error:
            level, detail, hint = Level.FAILURE, str(error), error.hint or "see the message"
        except NotUnderstoodError:
            level, detail, hint = Level.SKIPPED, "the configuration is not understood", ""
        except PermissionError as error:
            level, detail = Level.SKIPPED, f"this user may not look at {error.filename}"
            hint = "run doctor as root, or as the user of the server"
        except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
            level, detail = (
                Level.FAILURE,
                f"the check itself failed: {type(error).__name__}: {error}",
            )
            hint = "this is a bug of ca-core; please report it"
        return Finding(group=self.group, check=self.name, level=level, detail=detail, hint=hint)


def grade(findings: Iterable[Finding]) -> int:
    """Return the exit code: 0 all well, 1 warnings, 2 failures."""
    levels = {finding.level for finding in findings}
    if Level.FAILURE in levels:
        return 2
    return 1 if Level.WARNING in levels else 0
