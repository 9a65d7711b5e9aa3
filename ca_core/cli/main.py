"""``ca-core``: the list of commands and the entry point. Imports nothing heavy."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.teaching import Listing, RootGroup

_RUN = "Run it"
_USE = "Identities and trust"
_OPERATE = "Operate a cluster"
_HELP = "Find out"

LISTINGS = {
    "dev": Listing(
        section=_RUN,
        summary="Run server and agent in one process, on this machine, for trying things.",
        module="ca_core.cli.dev",
    ),
    "server": Listing(
        section=_RUN,
        summary="Run the server: the authority and its state.",
        module="ca_core.cli.server",
    ),
    "agent": Listing(
        section=_RUN,
        summary="Run the agent of this host; list or forget agents.",
        module="ca_core.cli.agent",
    ),
    "leaf": Listing(
        section=_USE,
        summary="Get, inspect, keep fresh and revoke the certificate of a service.",
        module="ca_core.cli.leaf",
    ),
    "ca": Listing(
        section=_USE,
        summary="Show what is trusted, and change who signs and how.",
        module="ca_core.cli.ca",
    ),
    "intention": Listing(
        section=_USE,
        summary="Say which service may connect to which.",
        module="ca_core.cli.intention",
    ),
    "service": Listing(
        section=_USE,
        summary="Register services with the agent of this host, and see how they are.",
        module="ca_core.cli.service",
    ),
    "check": Listing(
        section=_USE,
        summary="See the checks of this host, and report how a service of it is.",
        module="ca_core.cli.check",
    ),
    "catalog": Listing(
        section=_USE,
        summary="Show which services are registered, on which nodes, and how healthy they are.",
        module="ca_core.cli.catalog",
    ),
    "cache": Listing(
        section=_OPERATE,
        summary="Show what the agent of this host remembers: sizes, ages, hits and who waits.",
        module="ca_core.cli.cache",
    ),
    "token": Listing(
        section=_OPERATE,
        summary="Make, list and revoke tokens: with which agents join, and callers are known.",
        module="ca_core.cli.token",
    ),
    "policy": Listing(
        section=_OPERATE,
        summary="Say what tokens may do: documents of rights, under names.",
        module="ca_core.cli.policy",
    ),
    "import": Listing(
        section=_OPERATE,
        summary="Take over what another system has: intentions and CA configuration of Consul.",
        module="ca_core.cli.importing",
    ),
    "backup": Listing(
        section=_OPERATE,
        summary="Save a running cluster's state into one file.",
        module="ca_core.cli.backup",
    ),
    "restore": Listing(
        section=_OPERATE,
        summary="Make a server's state from a backup.",
        module="ca_core.cli.restore",
    ),
    "secrets": Listing(
        section=_OPERATE,
        summary="Change the key under which every secret is kept.",
        module="ca_core.cli.secrets",
    ),
    "provider": Listing(
        section=_HELP,
        summary="List, show, check and prove the providers that are installed.",
        module="ca_core.cli.provider",
    ),
    "plugin": Listing(
        section=_HELP,
        summary="Begin a provider of your own, and test it while you write it.",
        module="ca_core.cli.plugin",
    ),
    "doctor": Listing(
        section=_HELP,
        summary="Check this installation and say what to do about each finding.",
        module="ca_core.cli.doctor",
    ),
}
"""Every command there is; a command is imported when it runs."""


class CaCore(RootGroup):
    """The program with all its commands."""

    listings = LISTINGS


app = typer.Typer(
    cls=CaCore,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
Start here:
  ca-core dev                      a certificate authority on http://127.0.0.1:8500
  ca-core leaf get web --out web   a leaf, its key and the roots, in ./web
  ca-core leaf inspect web/leaf.pem

Each command explains itself: `ca-core COMMAND --help`. Answers for programs: `--output json`.
""",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # noqa: PLC0415 - only --version needs it

        try:
            found = metadata.version("ca-core")
        except metadata.PackageNotFoundError:
            found = "(a checkout that is not installed)"
        typer.echo(f"ca-core {found}")
        raise typer.Exit


@app.callback()
def root(
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Holds the token to send; --token and its variable go before it. "
            "CA_CORE_HTTP_TOKEN_FILE names one too.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback prints it and ends
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Give every service an identity: a certificate authority, its server and its agents."""
    if token_file is not None:
        os.environ["CA_CORE_HTTP_TOKEN_FILE"] = str(token_file)  # as if it had been set
        os.environ["CA_CORE_HTTP_TOKEN_FILE_GIVEN"] = str(token_file)


def main() -> None:
    """Run the command line and exit with its code (see ``ca_core.cli.exitcodes``)."""
    try:
        app(prog_name="ca-core")
    except KeyboardInterrupt:  # before a command had begun
        sys.exit(130)
