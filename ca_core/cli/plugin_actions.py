"""What ``ca-core plugin`` does and shows."""

import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ca_core.authority.registry import ALIASES, Registry
from ca_core.cli.failures import tell
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, printable, progress
from ca_core.cli.plugin_run import (
    Verdict,
    refuse_strange,
    refuse_without_pytest,
    run_tests,
)
from ca_core.cli.plugin_watch import watch
from ca_core.errors import Error
from ca_core.scaffold.folder import METHOD, Place, method_to_edit, write_folder
from ca_core.scaffold.naming import PluginName, refuse_taken
from ca_core.scaffold.rendering import Template, rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new folder: what it is called, what it began as, its files, and where to begin."""

    name: PluginName
    template: Template
    folder: Path
    files: tuple[str, ...]
    edit: Place


def made(name: str, template: str, directory: Path, *, runs: bool) -> Made:
    """Write the folder of a new provider.

    Raises:
        RequestError: the name will not do, is taken, or the folder exists.
        ConfigError: the folder cannot be written, or its tests are to be run without pytest.
    """
    called, kind = PluginName(name), Template(template)
    refuse_taken(called, taken_names())
    if runs:
        refuse_without_pytest()
    folder = directory / called.distribution
    files = rendered(kind, called, core=metadata.version("ca-core"))
    write_folder(folder, files)
    return Made(
        name=called,
        template=kind,
        folder=folder,
        files=tuple(files),
        edit=method_to_edit(folder, files),
    )


def taken_names() -> dict[str, str]:
    """Return every name that a new provider cannot have → who has it."""
    packages = {name.lower(): "an installed package" for name in _packages()}
    providers = {plugin.name: str(plugin) for plugin in Registry().installed()}
    aliases = {alias: f"the provider {name}" for alias, name in ALIASES.items()}
    return packages | providers | aliases


def _packages() -> list[str]:
    found = (distribution.name for distribution in metadata.distributions())
    return [name.replace("_", "-") for name in found if name]


def run(folder: Path, *, output: Output, level: str | None = None) -> Verdict:
    """Run the folder's tests; pytest shows its progress unless a program reads along."""
    sys.stdout.flush()
    return run_tests(folder, level=level, shows=output is Output.TABLE)


def watched(
    folder: Path,
    *,
    output: Output,
    level: str | None = None,
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
) -> None:
    """Run the folder's tests now and after every change, until Ctrl-C.

    Raises:
        ConfigError: no pytest, or not a provider's folder.
    """
    refuse_without_pytest()
    refuse_strange(folder)

    def act() -> None:
        try:
            with progress("running the tests"):
                verdict = run_tests(folder, level=level, shows=False)
        except Error as error:  # a file that is half written; the next change may mend it
            tell(error)
            return
        if output is Output.JSON:
            print_line_of_json(verdict_json(verdict))
        else:
            print_lines("\n".join((f"{now():%H:%M:%S}  {summary(verdict)}", *failures(verdict))))
        sys.stdout.flush()

    try:
        if output is Output.TABLE:
            print_lines(f"watching {folder.resolve()}; Ctrl-C ends it", style="dim")
        watch(folder, act, pause=pause)
    except KeyboardInterrupt:
        return


def summary(verdict: Verdict) -> str:
    """Return the verdict in one line."""
    failed = len(verdict.failures)
    word = "green" if verdict.is_green else "FAILED"
    counts = f"{verdict.passed} passed, {failed} failed, {verdict.skipped} skipped"
    return f"{word}: {counts}, in {verdict.seconds:.1f} s"


def failures(verdict: Verdict) -> list[str]:
    """Return a line for each failure: the check's id, or the test's name, and what was seen."""
    width = max((len(failure.test) for failure in verdict.failures), default=0)
    return [
        f"  {printable(failure.test).ljust(width)}  {printable(failure.message)}"
        for failure in verdict.failures
    ]


def show_verdict(verdict: Verdict, output: Output) -> None:
    """Tell the verdict after pytest has told all the rest."""
    if output is Output.JSON:
        print_json(verdict_json(verdict))
        return
    print_lines("\n".join((summary(verdict), *failures(verdict))))


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict for programs."""
    return {
        "Folder": str(verdict.folder),
        "Passed": verdict.passed,
        "Failed": len(verdict.failures),
        "Skipped": verdict.skipped,
        "Seconds": round(verdict.seconds, 3),
        "Failures": [
            {"Test": failure.test, "Message": failure.message} for failure in verdict.failures
        ],
    }


def print_line_of_json(value: Any) -> None:
    """Write ``value`` on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def show_made(made: Made) -> None:
    """Tell what was written, before its tests run."""
    print_facts(
        [
            ("folder", f"{made.folder} ({len(made.files)} files)"),
            ("template", made.template.value),
            ("package", f"{made.name.distribution}, imported as {made.name.package}"),
        ]
    )
    print_lines("")


def show_next(made: Made, verdict: Verdict | None, output: Output) -> None:
    """Tell the verdict, which method to edit, and the command that watches."""
    command = f"ca-core plugin test {shlex.quote(str(made.folder))} --watch"
    if output is Output.JSON:
        print_json(
            {
                "Folder": str(made.folder),
                "Package": made.name.distribution,
                "Template": made.template.value,
                "Files": list(made.files),
                "Edit": str(made.edit),
                "Run": None if verdict is None else verdict_json(verdict),
                "Next": command,
            }
        )
        return
    if verdict is not None:
        show_verdict(verdict, output)
        print_lines("")
    print_facts([("edit", f"{made.edit}  {METHOD}"), ("then", command)], title="Next")
