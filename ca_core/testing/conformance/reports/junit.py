"""The report as JUnit XML, for continuous integration that knows nothing else.

A known deviation is a skipped test, as pytest writes an expected failure. Source: the attributes
that pytest and Jenkins' xUnit plugin share; XML 1.0 §2.2 for the characters that may stand there.
"""

from xml.etree import ElementTree as ET

from ca_core.testing.conformance.reports.wording import about, explanation, safe
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.words import Outcome

_SKIPPED = {
    Outcome.SKIPPED: "skipped",
    Outcome.NOT_RUN: "not run",
    Outcome.KNOWN_DEVIATION: "known deviation",
}


def junit(report: Report) -> str:
    """Return one test suite with one test case for each check; times stand on the suite alone."""
    counts = report.counts()
    suite = ET.Element(
        "testsuite",
        name=f"provider conformance: {safe(report.provider)}",
        tests=str(len(report.results)),
        failures=str(counts[Outcome.FAILED]),
        errors="0",
        skipped=str(sum(counts[outcome] for outcome in _SKIPPED)),
        timestamp=report.started.isoformat(timespec="seconds"),
        time=f"{report.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in about(report):
        ET.SubElement(properties, "property", name=name, value=value)
    for result in report.results:
        _add_case(suite, result)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, result: Result) -> None:
    check = result.check
    area, _, _ = check.id.partition(".")
    case = ET.SubElement(
        suite, "testcase", classname=f"conformance.{check.level.name}.{area}", name=check.id
    )
    if result.outcome is Outcome.FAILED:
        failure = ET.SubElement(case, "failure", message=safe(result.detail), type="Violation")
        failure.text = "\n".join(f"{label}: {text}" for label, text in explanation(result))
    elif result.outcome in _SKIPPED:
        message = f"{_SKIPPED[result.outcome]}: {safe(result.detail)}"
        ET.SubElement(case, "skipped", message=message)
