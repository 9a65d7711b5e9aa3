"""``ca-core plugin``: begin a provider of your own, and keep its tests green."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.options import LevelName, Output, OutputOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Begin a provider of your own, and test it while you write it.",
    examples="""
Examples:
  ca-core plugin new acme
  ca-core plugin test ca-provider-acme --watch

All about writing providers: plugins.md
""",
)


class TemplateName(StrEnum):
    """What a new provider begins as."""

    LOCAL = "local"
    HTTP = "http"


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core plugin new acme                     a CA whose keys lie in the core's secret store
  ca-core plugin new acme --template http     a CA behind an HTTP API, with a fake to test against
  ca-core plugin new acme --directory ~/src   ~/src/ca-provider-acme

Works offline, and the tests are green at once. Next: `ca-core plugin test ca-provider-acme --watch`
""",
)
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Operators write provider = NAME; the package: ca-provider-NAME."
        ),
    ],
    template: Annotated[
        TemplateName, typer.Option("--template", help="What it begins as.")
    ] = TemplateName.LOCAL,
    directory: Annotated[
        Path, typer.Option("--directory", metavar="DIR", help="Make the folder in here.")
    ] = Path(),
    run: Annotated[
        bool, typer.Option("--run/--no-run", help="Run the new folder's tests at once.")
    ] = True,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a complete provider package that works, and show its tests green."""
    from ca_core.cli import plugin_actions as actions  # noqa: PLC0415 - help needs none of it

    made = actions.made(name, template.value, directory, runs=run)
    if output is Output.TABLE:
        actions.show_made(made)
    verdict = actions.run(made.folder, output=output) if run else None
    actions.show_next(made, verdict, output)
    if verdict is not None and not verdict.is_green:
        raise typer.Exit(1)


@app.command(
    "test",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core plugin test                         the folder you are in
  ca-core plugin test ca-provider-acme
  ca-core plugin test --watch                 again after every change; Ctrl-C ends it
  ca-core plugin test --level L3              faults and hostility too

Runs pytest in the folder, with this Python. Ends with 1 if a test fails.
""",
)
def run_tests(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The provider's folder. Default: this one.")
    ] = Path(),
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file changes.")
    ] = False,
    level: Annotated[
        LevelName | None,
        typer.Option("--level", help="Highest level to ask for. Default: what the tests say."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run a provider's conformance tests and its own."""
    from ca_core.cli import plugin_actions as actions  # noqa: PLC0415 - help needs none of it

    wanted = level.value if level else None
    if watch:
        actions.watched(folder, level=wanted, output=output)
        return
    verdict = actions.run(folder, level=wanted, output=output)
    actions.show_verdict(verdict, output)
    if not verdict.is_green:
        raise typer.Exit(1)
