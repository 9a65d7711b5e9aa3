"""The tests of a provider's folder, run by pytest in a process of their own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import util
from pathlib import Path
from xml.etree import ElementTree as ET

from ca_core.errors import ConfigError, Error

LEVEL_OPTION = "--conformance-level"
"""What the kit's pytest plugin calls the level."""

TEARDOWN_LIMIT = timedelta(seconds=10)
"""An interrupted run may take this long to stop what it started."""

MAX_SHOWN = 20
"""Lines of what pytest said, when it could not even begin."""

_EXCEPTION = re.compile(r"\A[A-Za-z_][\w.]*(?:Error|Exception|Violation): ")
_SEEN = "  seen "
_CHECK = re.compile(r"\[([a-z0-9-]+\.[a-z0-9-]+)\]")


class PluginTestsError(Error):
    """The tests could not be run at all."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed, or a check by its id; and what was seen, in one line."""

    test: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run of the tests found; ``skipped`` are those that could not or need not be tried."""

    folder: Path
    passed: int
    skipped: int
    seconds: float
    failures: tuple[Failure, ...]

    @property
    def is_green(self) -> bool:
        """Say whether nothing failed, and anything passed at all."""
        return not self.failures and self.passed > 0


def refuse_without_pytest(find: Callable[[str], object] = util.find_spec) -> None:
    """Refuse to go on where pytest is not installed.

    Raises:
        ConfigError: it is not; the hint brings it.
    """
    if find("pytest") is None:
        raise ConfigError(
            "pytest is not installed beside ca-core", hint="pip install 'ca-core[testing]'"
        )


def refuse_strange(folder: Path) -> None:
    """Refuse a folder that holds no provider with tests.

    Raises:
        ConfigError: it does not.
    """
    for name in ("pyproject.toml", "tests"):
        if not (folder / name).exists():
            raise ConfigError(
                f"has no {name}: not a provider's folder",
                where=str(folder),
                hint="`ca-core plugin new NAME` makes one",
            )


def run_tests(folder: Path, *, level: str | None = None, shows: bool) -> Verdict:
    """Run every test of ``folder``; ``shows`` lets pytest write to our standard output meanwhile.

    Raises:
        ConfigError: no pytest, or no such folder.
        PluginTestsError: pytest ended without a result.
        KeyboardInterrupt: Ctrl-C; what the tests had started is stopped first.
    """
    refuse_without_pytest()
    refuse_strange(folder)
    with tempfile.TemporaryDirectory(prefix="ca-core-") as scratch:
        report = Path(scratch) / "report.xml"
        said = _run(_command(report, level), folder, shows=shows)
        try:
            return read_report(report.read_text(encoding="utf-8"), folder)
        except (OSError, ET.ParseError):
            told = "".join(f"\n{line}" for line in said.strip().splitlines()[-MAX_SHOWN:])
            raise PluginTestsError(
                f"pytest could not run in {folder}{told}",
                hint="run it yourself: python -m pytest",
            ) from None


def read_report(text: str, folder: Path) -> Verdict:
    """Return what a JUnit report says.

    Raises:
        ParseError: it is none.
    """
    suites = list(ET.fromstring(text).iter("testsuite"))  # noqa: S314 - pytest wrote it just now
    cases = [case for suite in suites for case in suite.iter("testcase")]
    failures = [failure for case in cases if (failure := _failure_of(case)) is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return Verdict(
        folder=folder,
        passed=len(cases) - skipped - len(failures),
        skipped=skipped,
        seconds=sum(float(suite.get("time", 0)) for suite in suites),
        failures=tuple(failures),
    )


def _failure_of(case: ET.Element) -> Failure | None:
    found = [node for kind in ("failure", "error") for node in case.iter(kind)]
    if not found:
        return None
    name = case.get("name", "")
    check = _CHECK.search(name)
    return Failure(check[1] if check else name, _seen(found[0].get("message", "")))


def _seen(message: str) -> str:
    """Return the line that says what was seen: the one a check calls so, else the first."""
    lines = message.splitlines() or [""]
    named = [line for line in lines if line.startswith(_SEEN)]
    line = named[0].removeprefix(_SEEN) if named else _EXCEPTION.sub("", lines[0])
    return line.strip()


def _command(report: Path, level: str | None) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", f"--junitxml={report}"]
    return command if level is None else [*command, f"{LEVEL_OPTION}={level}"]


def _run(command: Sequence[str], folder: Path, *, shows: bool) -> str:
    """Run to the end; return what was said, unless it was shown already."""
    process = subprocess.Popen(  # noqa: S603 - our own Python
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=None if shows else subprocess.PIPE,
        stderr=None if shows else subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        return process.communicate()[0] or ""
    except BaseException:
        _stop(process)
        raise


def _stop(process: subprocess.Popen[str]) -> None:
    """Interrupt pytest, so that fixtures end what they began; end it if it does not listen."""
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=TEARDOWN_LIMIT.total_seconds())
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
