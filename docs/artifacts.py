"""Files beside the pages that are written from the code as a whole."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ca_core.testing.conformance.reports import report_schema


def _schema() -> str:
    return json.dumps(report_schema(), indent=2) + "\n"


ARTIFACTS: Mapping[Path, Callable[[], str]] = {
    Path("docs/schemas/conformance-report.schema.json"): _schema,
}
"""Path below the checkout → what writes the file."""
