"""``ca-core ca plan | apply | set-config``: another configuration, looked at first."""

from typing import Annotated

import typer

from ca_core.cli.change_options import (
    DetachOption,
    ForceOption,
    FromFileOption,
    OnDeadlineOption,
    PatienceOption,
    ProviderOption,
    SetOption,
    SettleOption,
    YesOption,
    wishes_of,
)
from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``ca``."""
    app.command("plan", cls=TaughtCommand, epilog=_PLAN_EPILOG)(plan)
    app.command("apply", cls=TaughtCommand, epilog=_APPLY_EPILOG)(apply)
    app.command("set-config", cls=TaughtCommand, epilog=_SET_EPILOG)(set_config)


_PLAN_EPILOG = """
Examples:
  ca-core ca plan                                   the [ca] section of the usual file
  ca-core ca plan --from-file new.toml
  ca-core ca plan --set leaf_ttl=24h                what stands, with one key changed
  ca-core ca plan --provider vault --set config.address=http://127.0.0.1:8200 \\
                  --set config.token_file=/etc/ca-core/token
  ca-core ca plan --output json | jq .Blockers

It asks the new provider and its backend, and changes nothing anywhere. Ends with 1 if apply would
be refused. Other users can see a command line: keep secrets in files.
Next: `ca-core ca apply` with the same options.
"""


def plan(
    from_file: FromFileOption = None,
    changes: SetOption = None,
    provider: ProviderOption = None,
    settle: SettleOption = None,
    patience: PatienceOption = None,
    on_deadline: OnDeadlineOption = None,
    force: Annotated[bool, typer.Option("--force", help="As if nobody were waited for.")] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what another configuration would change, and whether it would go."""
    from ca_core.cli import changing_actions  # noqa: PLC0415 - help needs none of it
    from ca_core.cli.wanted import Asked  # noqa: PLC0415 - help needs none of it

    asked = Asked(file=from_file, changes=tuple(changes or ()), provider=provider)
    wishes = wishes_of(settle, patience, on_deadline, force=force)
    with server_client(http_addr, token) as client:
        goes = changing_actions.plan(client, asked, wishes, output)
    raise typer.Exit(0 if goes else 1)


_APPLY_EPILOG = """
Examples:
  ca-core ca apply                                  the [ca] section of the usual file
  ca-core ca apply --from-file new.toml --yes
  ca-core ca apply --set leaf_ttl=24h
  ca-core ca apply --provider vault --set config.address=http://127.0.0.1:8200 \\
                   --set config.token_file=/etc/ca-core/token --settle 1m
  ca-core ca apply --provider builtin --detach      begins, and returns

It shows the plan and asks, then follows the operation until the new signer signs: planned,
prepared, distributed (every agent is to know the new root), active. Ctrl-C stops looking, not the
operation. What signed before stays trusted until nothing that it signed is alive.
Next: `ca-core ca status --watch`; the way back is `ca-core ca abort` before it is active,
`ca-core ca rollback` after.
"""


def apply(
    from_file: FromFileOption = None,
    changes: SetOption = None,
    provider: ProviderOption = None,
    settle: SettleOption = None,
    patience: PatienceOption = None,
    on_deadline: OnDeadlineOption = None,
    force: ForceOption = False,
    yes: YesOption = False,
    detach: DetachOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change to another configuration: plan, question, live progress until it is active."""
    from ca_core.cli import changing_actions  # noqa: PLC0415 - help needs none of it
    from ca_core.cli.wanted import Asked  # noqa: PLC0415 - help needs none of it

    asked = Asked(file=from_file, changes=tuple(changes or ()), provider=provider)
    wishes = wishes_of(settle, patience, on_deadline, force=force)
    manner = changing_actions.Manner(yes=yes, detach=detach, output=output)
    with server_client(http_addr, token) as client:
        changing_actions.apply(client, asked, wishes, manner)


_SET_EPILOG = """
Examples:
  ca-core ca set-config config.json      Consul's document: {"Provider": …, "Config": {…}}
  ca-core ca get-config --output json > config.json
                                         what stands, to begin with; hidden secrets may stay
  jq '.Config.LeafCertTTL = "24h"' config.json | ca-core ca set-config -

As `consul connect ca set-config -config-file FILE`, with the same names and keys. It asks nothing
and waits until the change is active. Our own spelling, a plan and a question: `ca-core ca apply`.
"""


def set_config(
    file: Annotated[str, typer.Argument(help="JSON file; - reads standard input.")],
    detach: DetachOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set the configuration from a document of Consul's API."""
    from ca_core.cli import changing_actions  # noqa: PLC0415 - help needs none of it

    manner = changing_actions.Manner(yes=True, detach=detach, output=output)
    with server_client(http_addr, token) as client:
        changing_actions.set_config(client, file, manner)
