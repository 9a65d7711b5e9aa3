"""Options and a summary for conformance runs by pytest; loaded only where somebody asks for it.

In ``conftest.py``: ``pytest_plugins = ["ca_core.testing.conformance.pytest_plugin"]``. It adds
``--conformance-level`` and ``--conformance-report DIR``, and a table at the end. No entry point
loads it: test runs of strangers never see it.
"""

from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ca_core.testing.conformance.catalogue import CHECKS
from ca_core.testing.conformance.reports.document import ReportDocument, document_of
from ca_core.testing.conformance.reports.folder import write_reports
from ca_core.testing.conformance.reports.summary import summary
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.running import Runner
from ca_core.testing.conformance.suite import FOUND
from ca_core.testing.conformance.words import Level, Outcome

__all__ = ["pytest_addoption", "pytest_configure", "pytest_runtest_makereport"]

_NAME = "ca-core-conformance-findings"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("provider conformance")
    levels = [level.name for level in Level]
    group.addoption(
        "--conformance-level",
        choices=levels,
        help="highest level to ask for; goes before the class's own",
    )
    group.addoption(
        "--conformance-report",
        metavar="DIR",
        help="write JSON, JUnit, Markdown, HTML and a badge into this folder",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect what checks find, in the process that reports."""
    if not hasattr(config, "workerinput"):  # pytest-xdist's workers report to their controller
        config.pluginmanager.register(Findings(config), _NAME)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what a check found travel with the test's report, from a worker too."""
    report = yield
    found = item.stash.get(FOUND, None)
    if call.when == "call" and found is not None:
        vars(report)["conformance"] = _facts(item, call, *found)
    return report


def _facts(
    item: pytest.Item, call: pytest.CallInfo[None], runner: Runner, level: Level, result: Result
) -> dict[str, Any]:
    started = datetime.fromtimestamp(call.start, UTC)
    one = runner.report(level, [result], started=started, seconds=result.seconds)
    return {"of": item.nodeid.rpartition("::")[0], "found": msgspec.to_builtins(document_of(one))}


class Findings:
    """Everything that the checks of one test run found, by test class."""

    def __init__(self, config: pytest.Config) -> None:
        self._folder = config.getoption("conformance_report", default=None)
        self._found: dict[str, list[ReportDocument]] = {}
        self._written: list[Path] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a check found."""
        facts = getattr(report, "conformance", None)
        if facts is not None:
            found = msgspec.convert(facts["found"], type=ReportDocument)
            self._found.setdefault(facts["of"], []).append(found)

    def pytest_sessionfinish(self) -> None:
        """Write the reports: into the folder, or into one below it for each class."""
        if self._folder is None:
            return
        for number, found in enumerate(self._found.values()):
            folder = Path(self._folder)
            if len(self._found) > 1:
                folder /= f"{number + 1}"
            self._written.append(write_reports(report_of(found), folder)[0].parent)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show a table for each class."""
        for of, found in self._found.items():
            terminalreporter.section(f"provider conformance: {of}")
            for line in summary(report_of(found)):
                terminalreporter.write_line(line)
        for folder in self._written:
            terminalreporter.write_line(f"reports: {folder}")


def report_of(documents: Iterable[ReportDocument]) -> Report:
    """Return the whole report that reports of one check each are parts of."""
    parts = list(documents)
    about = parts[0].provider
    level = Level[parts[0].level.asked]
    order = [check.id for check in CHECKS.up_to(Level.L4)]
    results = [result for part in parts for result in _results(part)]
    ran = {result.check.id for result in results}
    return Report(
        provider=about.name,
        distribution=about.distribution,
        version=about.version,
        entry_point=about.entry_point,
        contract=about.contract,
        core=parts[0].core,
        level=level,
        started=min(part.run.started for part in parts),
        seconds=sum(part.run.seconds for part in parts),
        declared=about.declared,
        results=tuple(sorted(results, key=lambda result: order.index(result.check.id))),
        left_out=sum(check.id not in ran for check in CHECKS.up_to(level)),
    )


def _results(document: ReportDocument) -> Iterable[Result]:
    for one in document.results:
        check = CHECKS.get(one.id)
        if check is not None:
            yield Result(check=check, outcome=Outcome(one.outcome), detail=one.detail)
