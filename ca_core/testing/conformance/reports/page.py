"""The report as one HTML file: no script, nothing loaded from anywhere."""

from collections.abc import Iterator
from html import escape

from ca_core.testing.conformance.reports.wording import (
    about,
    by_level,
    explanation,
    heading,
    safe,
    to_mend,
    verdict,
)
from ca_core.testing.conformance.results import Report, Result

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
         border-bottom: 1px solid #d8dee4; overflow-wrap: anywhere }
code { font: 13px ui-monospace, monospace }
dt { font-weight: 600 } dd { margin: 0 0 .4rem 0 }
.verdict { font-size: 1.2rem; font-weight: 600 }
.passed { color: #1a7f37 } .failed { color: #b3261e } .known-deviation { color: #8a5a00 }
.skipped, .not-run { color: #59636e }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 } th, td { border-color: #30363d }
  .passed { color: #3fb950 } .failed { color: #ff8a80 } .known-deviation { color: #d9a441 }
  .skipped, .not-run { color: #9198a1 }
}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """Return the report as a whole HTML document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    title = f"Conformance of {escape(safe(report.provider))}"
    yield from ("<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">')
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield from (f"<title>{title}</title>", f"<style>{_STYLE}</style>", "</head>", "<body>")
    yield f"<h1>{title}</h1>"
    state = "passed" if report.conforms and not report.left_out else "failed"
    yield f'<p class="verdict {state}">{escape(verdict(report))}</p>'
    yield "<table>"
    for label, text in (*about(report), ("run", _when(report))):
        yield f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>"
    yield "</table>"
    yield from _to_mend(report)
    yield from _levels(report)
    yield from ("</body>", "</html>")


def _when(report: Report) -> str:
    return f"{report.started.isoformat(timespec='seconds')}, {report.seconds:.1f} s"


def _to_mend(report: Report) -> Iterator[str]:
    failures = to_mend(report)
    if failures:
        yield "<h2>To mend</h2>"
    for result in failures:
        yield f"<h3><code>{escape(result.check.id)}</code>: {_outcome(result)}</h3>"
        yield "<dl>"
        for label, text in explanation(result):
            yield f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>"
        yield "</dl>"


def _levels(report: Report) -> Iterator[str]:
    for level, results in by_level(report):
        yield f"<h2>{escape(heading(level))}</h2>"
        yield "<table><tr><th>check</th><th>outcome</th><th>rule</th></tr>"
        for result in results:
            cells = (f"<code>{escape(result.check.id)}</code>", _told(result))
            yield f"<tr><td>{'</td><td>'.join(cells)}</td><td>{escape(result.check.rule)}</td></tr>"
        yield "</table>"


def _outcome(result: Result) -> str:
    kind = result.outcome.value.replace(" ", "-")
    return f'<span class="{kind}">{escape(result.outcome)}</span>'


def _told(result: Result) -> str:
    detail = f": {escape(safe(result.detail))}" if result.detail else ""
    return _outcome(result) + detail
