"""``ca-core provider``: which providers are installed, and how one is configured."""

from typing import Annotated

import typer

from ca_core.cli import conformance, provider_check
from ca_core.cli.options import ConfigOption, Output, OutputOption, command_app
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "List, show, check and prove the providers that are installed.",
    examples="""
Examples:
  ca-core provider list
  ca-core provider show builtin
  ca-core provider check builtin --config ca-core.toml
  ca-core provider conformance builtin --fake-clock
""",
)
provider_check.add_to(app)
conformance.add_to(app)


@app.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core provider list
  ca-core provider list --output json | jq -r '.[] | select(.Kind == "provider") | .Name'

Reads metadata and imports nothing. Next: `ca-core provider show NAME`, `ca-core doctor`.
""",
)
def list_providers(config: ConfigOption = None, output: OutputOption = Output.TABLE) -> None:
    """List every installed provider and hook plugin, and the package that brings it."""
    from ca_core.cli import provider_listing as listing  # noqa: PLC0415 - help needs none of it

    rows = listing.listed(config)
    if output is Output.JSON:
        print_json([row.as_json() for row in rows])
        return
    for kind, title in listing.TITLES.items():
        print_lines(title)
        cells = [row.cells() for row in rows if row.kind == kind]
        print_table(listing.COLUMNS, cells, empty="  none installed")


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core provider show builtin
  ca-core provider show builtin --output json | jq .Schema

Imports this one provider. The keys go below [ca.config] in the configuration file.
""",
)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `provider list` shows it.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a provider's description, its capabilities, and every key of its configuration."""
    from ca_core.cli.provider_listing import traced_registry  # noqa: PLC0415 - help needs none
    from ca_core.cli.schema import option_rows, without_keys  # noqa: PLC0415 - help needs none

    plugin = traced_registry().get(name)
    capabilities = sorted(capability.value for capability in plugin.capabilities)
    if output is Output.JSON:
        print_json(
            {
                "Name": name,
                "Description": plugin.description,
                "APIVersion": plugin.api_version,
                "Capabilities": capabilities,
                "Schema": plugin.schema,
            }
        )
        return
    print_facts(
        [
            ("provider", name),
            ("description", plugin.description or "none"),
            ("API version", str(plugin.api_version)),
            ("capabilities", ", ".join(capabilities) or "signs leaves, nothing beyond"),
        ]
    )
    print_lines("\nConfiguration, below [ca.config]:")
    columns = ("KEY", "TYPE", "DEFAULT", "MEANING")
    print_table(columns, option_rows(plugin.schema or {}), empty=without_keys(plugin.schema))
