"""Reports of a run: JSON, JUnit XML, Markdown, HTML and a badge, and all of them in one folder.

What a provider says of itself is hostile text: it is escaped for each format, made of printable
characters, and cut. Paths of this machine are taken out. Times stand in one place of each report,
so that two runs can be compared.
"""

from ca_core.testing.conformance.reports.badge import badge
from ca_core.testing.conformance.reports.document import (
    ReportDocument,
    document_of,
    report_json,
    report_schema,
)
from ca_core.testing.conformance.reports.folder import FILES, write_reports
from ca_core.testing.conformance.reports.junit import junit
from ca_core.testing.conformance.reports.markdown import markdown
from ca_core.testing.conformance.reports.page import page
from ca_core.testing.conformance.reports.wording import explanation, verdict

__all__ = [
    "FILES",
    "ReportDocument",
    "badge",
    "document_of",
    "explanation",
    "junit",
    "markdown",
    "page",
    "report_json",
    "report_schema",
    "verdict",
    "write_reports",
]
