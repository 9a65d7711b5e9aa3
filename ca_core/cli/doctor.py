"""``ca-core doctor``: every check there is, a hint for each failure, a graded exit code."""

from datetime import timedelta
from typing import Annotated

import typer

from ca_core.cli.options import (
    ConfigOption,
    HttpAddress,
    Output,
    OutputOption,
    TokenOption,
    command_app,
)
from ca_core.cli.output import print_json, progress
from ca_core.cli.teaching import TaughtCommand

app = command_app()


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core doctor
  ca-core doctor --config /etc/ca-core/ca-core.toml
  ca-core doctor --output json | jq '.Findings[] | select(.Level == "failure")'

Changes nothing, and imports each installed plugin in a process of its own.
Ends with 0 if all is well, 1 with warnings, 2 with failures.
""",
)
def doctor(
    config: ConfigOption = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=0.1, help="For importing each plugin."),
    ] = 20.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check this installation and say what to do about each finding."""
    from ca_core.cli import doctor_actions as actions  # noqa: PLC0415 - help needs none of it

    limit = timedelta(seconds=timeout)
    situation = actions.situation_of(config, http_addr, token, plugin_limit=limit)
    with progress("checking"):
        findings = actions.examined(situation)
    if output is Output.JSON:
        print_json(actions.as_json(findings))
    else:
        actions.show(findings)
    raise typer.Exit(actions.grade(findings))
