"""Every report of a run in one folder, each file whole or not at all."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from ca_core.testing.conformance.reports.badge import badge
from ca_core.testing.conformance.reports.document import report_json
from ca_core.testing.conformance.reports.junit import junit
from ca_core.testing.conformance.reports.markdown import markdown
from ca_core.testing.conformance.reports.page import page
from ca_core.testing.conformance.results import Report

FILES: Mapping[str, Callable[[Report], str]] = {
    "conformance.json": report_json,
    "junit.xml": junit,
    "conformance.md": markdown,
    "conformance.html": page,
    "badge.json": badge,
}
"""Name of a file → what writes it."""


def write_reports(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write every report into ``folder``, making it if need be; return the files, in UTF-8.

    Raises:
        OSError: the folder cannot be made or written; files of an earlier run are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_written(folder / name, write(report)) for name, write in FILES.items())


def _written(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
