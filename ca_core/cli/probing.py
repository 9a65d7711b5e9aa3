"""Trying a plugin in a child process: it may hang, crash, print or end the process that tries."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ca_core.authority.plugintrace import is_wanted
from ca_core.cli.failures import TriedError

LIMIT = timedelta(seconds=10)
"""How long a plugin may take to be imported and to say what it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One plugin to try.

    Attributes:
        name: entry point's name.
        how: flags of ``provider_probe``.
        job: what it reads on standard input; may hold secrets, so it is not in the repr.
        limit: after it the child is killed.
        environment: this process's own.
    """

    name: str
    how: tuple[str, ...] = ()
    job: Mapping[str, Any] = field(default_factory=dict, repr=False)
    limit: timedelta = LIMIT
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def done(self) -> dict[str, Any]:
        """Return what the child found.

        Raises:
            TriedError: it failed, died, or did not end in time; names the plugin and never shows
                what it printed.
        """
        command = [sys.executable, "-m", "ca_core.cli.provider_probe", *self.how, "--", self.name]
        traced = is_wanted(self.environment)
        try:
            ended = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
                command,
                input=json.dumps(self.job, default=str),
                stdout=subprocess.PIPE,
                stderr=None if traced else subprocess.DEVNULL,
                text=True,
                timeout=self.limit.total_seconds(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._overdue() from None
        return self._judged(ended.stdout, ended.returncode, command)

    def _overdue(self) -> TriedError:
        limit = f"{self.limit.total_seconds():g} s"
        text = f"{self.name}: it did not end within {limit} and was killed"
        return TriedError(text, code=6, hint="CA_CORE_TRACE_PLUGINS=1 shows how far it gets")

    def _judged(self, answer: str, code: int, command: list[str]) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(answer.splitlines()[-1])
        except (ValueError, IndexError):
            text = f"{self.name}: the process that imported it died{_by_signal(code)}"
            raise TriedError(text, code=6, hint=f"run: {' '.join(command)} </dev/null") from None
        if "error" in told:
            raise TriedError(str(told["error"]), code=int(told["code"]), hint=str(told["hint"]))
        return told


def _by_signal(code: int) -> str:
    if code >= 0:
        return f" with exit code {code}"
    return f" by {signal.Signals(-code).name}"
