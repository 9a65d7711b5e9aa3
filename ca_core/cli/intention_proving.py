"""``ca-core intention explain | diff | test | suggest``."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.intention_options import Destination, Source
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``intention``."""
    for command, name, epilog in (
        (explain, "explain", _EXPLAIN_EPILOG),
        (diff, "diff", _DIFF_EPILOG),
        (hold, "test", _TEST_EPILOG),
        (suggest, "suggest", _SUGGEST_EPILOG),
    ):
        app.command(name, cls=TaughtCommand, epilog=epilog)(command)


_EXPLAIN_EPILOG = """
Examples:
  ca-core intention explain web db
  ca-core intention explain web api --path /v2/admin --method POST --header x-role=ops
  ca-core intention explain web db --output json | jq .Candidates

With --path, --method or --header it is about a request, without about a connection, which an
intention with permissions denies. It ends with 0 whatever was decided; `check` ends by that.
"""


def explain(
    source: Source,
    destination: Destination,
    path: Annotated[
        str | None, typer.Option("--path", metavar="PATH", help="Path of a request, as it is sent.")
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="METHOD", help="Its method; default GET.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME=VALUE", help="A line of its headers; repeatable."),
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say who may connect to whom or ask for what, and why: every intention, every permission."""
    from ca_core.cli import intention_proofs as proofs  # noqa: PLC0415 - help needs none of it

    body = proofs.question(source, destination, path=path, method=method, headers=header or [])
    with server_client(http_addr, token) as client:
        proofs.explain(client, body, output)


_DIFF_EPILOG = """
Examples:
  ca-core intention diff wanted.toml                what the server would newly allow and deny
  ca-core intention diff old.toml new.toml          without a server
  ca-core intention diff --upsert more.toml --delete web db

A file holds [[intentions]] with source, destination and action or permissions, in TOML or JSON; the
output of `ca-core intention list --output json` is one. `any other` is every service that no
intention mentions. Nothing is changed.
Next: `ca-core intention create SRC DST`.
"""


def diff(
    old: Annotated[
        Path | None,
        typer.Argument(metavar="[OLD]", help="What holds; what the server has if left out."),
    ] = None,
    new: Annotated[
        Path | None, typer.Argument(metavar="[NEW]", help="What should be, everything.")
    ] = None,
    upsert: Annotated[
        Path | None, typer.Option("--upsert", metavar="FILE", help="To write beside what stands.")
    ] = None,
    delete: Annotated[
        tuple[str, str] | None,
        typer.Option("--delete", metavar="SRC DST", help="To remove from what stands."),
    ] = None,
    default: Annotated[
        str | None,
        typer.Option("--default", metavar="allow|deny", help="Without a server: the default."),
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what a change of intentions would newly allow and deny."""
    from ca_core.cli import intention_proofs as proofs  # noqa: PLC0415 - help needs none of it

    if old is not None and new is not None:
        proofs.diff_files(old, new, default, output)
        return
    proofs.require_no_default(default)
    body = proofs.proposal(wanted=old, upsert=upsert, delete=delete)
    with server_client(http_addr, token) as client:
        proofs.diff(client, body, output)


_TEST_EPILOG = """
Examples:
  ca-core intention test expected.toml                            ask the server
  ca-core intention test expected.toml --intentions wanted.toml   without one, for CI

expected.toml:
  [[tests]]
  source = "web"
  destination = "db"
  expect = "allow"

  [[tests]]
  source = "web"
  destination = "api"
  method = "POST"
  path = "/admin"
  headers = { x-role = "ops" }
  expect = "deny"

Without method, path and headers it is about a connection. It ends with 0 if all is as expected;
with 1 if not, and explains what is not.
"""


def hold(
    expectations: Annotated[Path, typer.Argument(metavar="FILE", help="What is expected.")],
    intentions: Annotated[
        Path | None,
        typer.Option("--intentions", metavar="FILE", help="Ask this file and no server."),
    ] = None,
    default: Annotated[
        str | None,
        typer.Option("--default", metavar="allow|deny", help="Without a server: the default."),
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Hold intentions against a table of expectations."""
    from ca_core.cli import intention_proofs as proofs  # noqa: PLC0415 - help needs none of it
    from ca_core.cli import intention_tests as tests  # noqa: PLC0415 - as above

    expected = tests.expectations_of(expectations)
    if intentions is not None:
        well = tests.report(tests.offline(expected, intentions, default), output)
    else:
        proofs.require_no_default(default)
        with server_client(http_addr, token) as client:
            well = tests.report(tests.asked(expected, client), output)
    raise typer.Exit(0 if well else 1)


_SUGGEST_EPILOG = """
Examples:
  ca-core intention suggest                     as commands, to read and to run
  ca-core intention suggest --toml >> wanted.toml
  ca-core intention suggest --at-least 10 --output json

Agents count what intentions in observe mode would deny; these would allow it. Nothing is changed.
Next: `ca-core intention diff --upsert FILE`, then `ca-core intention create SRC DST`.
"""


def suggest(
    at_least: Annotated[
        int, typer.Option("--at-least", metavar="N", min=1, help="Only what was seen so often.")
    ] = 1,
    toml: Annotated[bool, typer.Option("--toml", help="As [[intentions]] for a file.")] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Suggest intentions that allow what observed ones would deny."""
    from ca_core.cli import intention_suggestions as made  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        made.suggest(client, at_least, output, toml=toml)
