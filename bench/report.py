"""Show findings as a table, and keep them as JSON."""

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.finding import Finding

RESULTS = Path(__file__).parent / "results"
_WIDTH = 150  # the columns beside one another; a narrower terminal wraps whole lines
_WHOLE_FROM = 100  # a tenth of a unit is noise from here on
_MARKS = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}


def show(findings: Sequence[Finding]) -> None:
    """Print the findings for a person."""
    table = Table(title="ca-core benchmarks", title_justify="left")
    for heading in ("benchmark", "case"):
        table.add_column(heading, no_wrap=True)
    for heading in ("result", "ratio", "goal", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("beside it", overflow="fold")
    for one in findings:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        result = _figure(one)
        table.add_row(
            one.benchmark, one.case, result, ratio, one.goal, _MARKS[one.met], one.compared
        )
    console = Console()
    Console(width=max(console.width, _WIDTH)).print(table)


def save(findings: Sequence[Finding], folder: Path = RESULTS) -> Path:
    """Write the findings and what they were measured on; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps({"at": now.isoformat(), **_machine(), "findings": _plain(findings)}))
    return path


def _figure(one: Finding) -> str:
    digits = 0 if one.value >= _WHOLE_FROM else 1
    return f"{one.value:,.{digits}f} {one.unit}"


def _plain(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "benchmark": one.benchmark,
            "case": one.case,
            "value": one.value,
            "unit": one.unit,
            "ratio": one.ratio,
            "goal": one.goal,
            "met": one.met,
            "compared": one.compared,
        }
        for one in findings
    ]


def _machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cryptography": version("cryptography"),
    }
