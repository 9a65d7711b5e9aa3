"""``ca-core doctor``: every check there is, a hint for each failure, a graded exit code."""

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

Changes nothing. Ends with 0 if all is well, 1 with warnings, 2 with failures.
""",
)
def doctor(
    config: ConfigOption = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check this installation and say what to do about each finding."""
    from ca_core.cli import doctor_actions as actions  # noqa: PLC0415 - help needs none of it

    situation = actions.situation_of(config, http_addr, token)
    with progress("checking"):
        findings = actions.examined(situation)
    if output is Output.JSON:
        print_json(actions.as_json(findings))
    else:
        actions.show(findings)
    raise typer.Exit(actions.grade(findings))
