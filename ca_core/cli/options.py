"""Options that many commands share, spelled and explained once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.teaching import TaughtGroup


class Output(StrEnum):
    """How an answer is written: for people or for programs."""

    TABLE = "table"
    JSON = "json"


class LevelName(StrEnum):
    """How much is asked of a provider, as one types it; a level includes those below it."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"


HttpAddress = Annotated[
    str | None,
    typer.Option(
        "--http-addr",
        metavar="ADDRESS",
        envvar=["CA_CORE_HTTP_ADDR", "CONSUL_HTTP_ADDR"],
        help="Agent or server to ask: http://HOST:PORT, https://HOST:PORT or unix:PATH. "
        "Default: the local socket if there is one, else http://127.0.0.1:8500.",
    ),
]

TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar=["CA_CORE_HTTP_TOKEN", "CONSUL_HTTP_TOKEN"],
        show_envvar=True,
        help="Token to send. Better in the variable: other users can see a command line.",
    ),
]

OutputOption = Annotated[
    Output,
    typer.Option("--output", "-o", help="A table for people, JSON for programs."),
]

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration. Default: ./ca-core.toml, else /etc/ca-core/ca-core.toml.",
    ),
]


def command_app(summary: str = "", *, examples: str = "", runs_bare: bool = False) -> typer.Typer:
    """Return an empty group of commands, or the home of a single command, that looks like ours.

    A group that ``runs_bare`` does something without a command; any other shows its help.
    """
    return typer.Typer(
        cls=TaughtGroup,
        help=summary or None,
        epilog=examples or None,
        rich_markup_mode=None,
        add_completion=False,
        invoke_without_command=runs_bare,
        no_args_is_help=not runs_bare,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
