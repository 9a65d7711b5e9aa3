"""``ca-core provider conformance`` and ``verify-passport``: is a provider proven, and by whom?"""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.options import ConfigOption, LevelName, Output, OutputOption
from ca_core.cli.output import print_facts, print_json
from ca_core.cli.teaching import TaughtCommand

_RUN = """
Examples:
  ca-core provider conformance builtin --fake-clock
  ca-core provider conformance vault --config ca-core.toml --level L3 --report report
  ca-core provider conformance vault --config ca-core.toml --ca-key ec-256 --ca-key rsa-2048
  ca-core provider conformance vault --config ca-core.toml --only leaf.key --only leaf.one-uri
  openssl genpkey -algorithm ed25519 -out key.pem
  ca-core provider conformance acme --config acme.toml --passport acme.json --sign-key key.pem

Levels: L0 loads and describes itself, L1 signs correctly, L2 survives time, restarts and rotation,
L3 survives faults and hostility, L4 scale and soak (minutes). A level includes those below it.
It makes authorities, signers and leaves on the configured backend, and retires them.
Ends with 0 if the level is reached (with --only: if nothing failed), else with 1.
"""

_VERIFY = """
Examples:
  ca-core provider verify-passport acme.json --key author.pem
  ca-core provider verify-passport acme.json --config ca-core.toml
  ca-core provider verify-passport acme.json --key author.pem --output json | jq .Statement

Without --key the keys are those of [conformance] trusted_keys in the configuration.
Ends with 0 if a trusted key signed it and the installed distribution, if there is one, is exactly
the one it speaks of; else with 1.
"""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``provider``."""
    app.command(cls=TaughtCommand, epilog=_RUN)(conformance)
    app.command("verify-passport", cls=TaughtCommand, epilog=_VERIFY)(verify_passport)


def conformance(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `provider list` shows it.")],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Configuration with [ca] provider = NAME. Default: no keys at all.",
        ),
    ] = None,
    other_config: Annotated[
        Path | None,
        typer.Option(
            "--other-config",
            metavar="FILE",
            help="Another configuration of the same backend, to change to and back.",
        ),
    ] = None,
    level: Annotated[
        LevelName, typer.Option("--level", help="The highest level to ask for.")
    ] = LevelName.L2,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="Run this check alone; may be repeated."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write JSON, JUnit, Markdown, HTML, a badge."),
    ] = None,
    passport: Annotated[
        Path | None,
        typer.Option("--passport", metavar="FILE", help="Write a signed statement of the result."),
    ] = None,
    sign_key: Annotated[
        Path | None,
        typer.Option("--sign-key", metavar="FILE", help="Ed25519 private key, PEM, for it."),
    ] = None,
    http_backend: Annotated[
        str | None,
        typer.Option(
            "--http-backend",
            metavar="URL",
            help="The backend, as the configuration names it: lets checks put a fault proxy there.",
        ),
    ] = None,
    fake_clock: Annotated[
        bool,
        typer.Option(
            "--fake-clock",
            help="Play time. Only for a provider that has no backend with a clock of its own.",
        ),
    ] = False,
    ca_key: Annotated[
        list[str] | None,
        typer.Option(
            "--ca-key",
            metavar="KEY",
            help="CA key that the backend can make, the usual one first; may be repeated. "
            "Default: ec-256, rsa-2048 and ed25519.",
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run the conformance kit on a configured provider, and show what was found."""
    from ca_core.cli import conformance_actions as actions  # noqa: PLC0415 - help needs none of it
    from ca_core.cli.conformance_subject import Keeping, Wanted  # noqa: PLC0415 - nor this

    wanted = Wanted(
        name=name,
        file=config,
        other_file=other_config,
        level=level.value,
        only=tuple(only or ()),
        http_backend=http_backend,
        fake_clock=fake_clock,
        keys=tuple(ca_key or ()),
        keeping=Keeping(folder=report, passport=passport, sign_key=sign_key),
    )
    done = actions.run(wanted)
    if output is Output.JSON:
        print_json(done.as_json())
    else:
        actions.show(done)
    raise typer.Exit(0 if done.is_well else 1)


def verify_passport(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The passport.")],
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="FILE", help="Public key that is trusted; may be repeated."),
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a passport says, who signed it, and whether it is for what is installed."""
    from ca_core.cli import passport_actions as actions  # noqa: PLC0415 - help needs none of it

    found = actions.verified(file, keys=tuple(key or ()), config=config)
    if output is Output.JSON:
        print_json(found.as_json())
    else:
        print_facts(found.facts())
    raise typer.Exit(0 if found.is_valid else 1)
