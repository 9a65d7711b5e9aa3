"""``ca-core ca simulate``: what a change of who signs would do, without doing it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.options import Output, OutputOption
from ca_core.cli.teaching import TaughtCommand


class SimulatedKind(StrEnum):
    """What is changed; ``due`` is what the policy would begin first."""

    ROTATE = "rotate"
    SWAP = "swap"
    RENEW = "renew"
    TAINT = "taint"
    DUE = "due"


class DeadlinePolicy(StrEnum):
    """What happens when not every agent has acknowledged at the deadline."""

    WAIT = "wait"
    ABORT = "abort"
    PROCEED = "proceed"


_EPILOG = """
Examples:
  ca-core ca simulate --agents 10000 --policy wait
  ca-core ca simulate --agents 10000 --offline 5%@0s+2h --policy proceed --no-cross-sign
  ca-core ca simulate --agents 10000 --outage 1m+10m --quota 20 --plot flight.svg
  ca-core ca simulate --kind due --output json | jq .FailedHandshakes

Nothing is asked of any server. The same command always gives the same forecast.

Next: `ca-core ca plan` says the same of your cluster as it is.
"""


def add_to(app: typer.Typer) -> None:
    """Add this command to the group ``ca``."""
    app.command("simulate", cls=TaughtCommand, epilog=_EPILOG)(simulate)


def simulate(
    agents: Annotated[int, typer.Option(help="Agents that count.")] = 1000,
    leaves: Annotated[int, typer.Option(help="Leaves of each agent, besides its own.")] = 1,
    kind: Annotated[
        SimulatedKind, typer.Option(help="The change; due: what the policy begins first.")
    ] = SimulatedKind.ROTATE,
    policy: Annotated[
        DeadlinePolicy, typer.Option(help="When not all have acknowledged at the deadline.")
    ] = DeadlinePolicy.WAIT,
    patience: Annotated[str, typer.Option(help="From distributed to that deadline.")] = "1h",
    settle: Annotated[
        str, typer.Option(help="For readers that cannot acknowledge, unless cross-signed.")
    ] = "10m",
    force: Annotated[bool, typer.Option("--force", help="Wait for nobody.")] = False,
    cross_sign: Annotated[
        bool, typer.Option("--cross-sign/--no-cross-sign", help="The old provider can.")
    ] = True,
    offline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE%@BEGIN+SPAN", help="Agents without a server, e.g. 5%@0s+2h; repeat it."
        ),
    ] = None,
    outage: Annotated[
        list[str] | None,
        typer.Option(metavar="BEGIN+SPAN", help="The provider is away, e.g. 1m+10m; repeat it."),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Signatures a second that are admitted; 0: all.")
    ] = 50,
    quota: Annotated[float, typer.Option(help="The backend's own, a second; 0: none.")] = 0,
    signing_time: Annotated[str, typer.Option(help="Of one signature.")] = "2ms",
    concurrency: Annotated[int, typer.Option(help="Signatures at once.")] = 1,
    leaf_ttl: Annotated[str, typer.Option(help="Life of a leaf.")] = "72h",
    intermediate_ttl: Annotated[str, typer.Option(help="Life of a signer.")] = "8760h",
    root_ttl: Annotated[str, typer.Option(help="Life of a root.")] = "87600h",
    handshakes: Annotated[float, typer.Option(help="A second, in the whole mesh.")] = 100,
    longest: Annotated[str, typer.Option(help="Simulate this long at most.")] = "1440h",
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 1,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw the CSR curve there.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Foretell what a change of who signs does to a mesh: failed handshakes, CSRs, duration."""
    from ca_core.authority.settings import CASettings  # noqa: PLC0415 - help needs none of these
    from ca_core.cli import simulating as parts  # noqa: PLC0415 - as above
    from ca_core.lifecycle.rows import Kind, OnDeadline, Wishes  # noqa: PLC0415 - as above
    from ca_core.lifecycle.simulation.scenario import Scenario  # noqa: PLC0415 - as above

    scenario = Scenario(
        agents=agents,
        leaves=leaves,
        kind=None if kind is SimulatedKind.DUE else Kind(kind),
        wishes=Wishes(
            settle=parts.span(settle, "--settle"),
            patience=parts.span(patience, "--patience"),
            on_deadline=OnDeadline(policy),
            force=force,
        ),
        settings=CASettings(
            leaf_ttl=parts.span(leaf_ttl, "--leaf-ttl"),
            intermediate_ttl=parts.span(intermediate_ttl, "--intermediate-ttl"),
            root_ttl=parts.span(root_ttl, "--root-ttl"),
            csr_max_per_second=rate,
        ),
        can_cross_sign=cross_sign,
        offline=tuple(parts.cohort(text) for text in offline or ()),
        outages=tuple(parts.outage(text) for text in outage or ()),
        quota=quota,
        signing_time=parts.span(signing_time, "--signing-time"),
        concurrency=concurrency,
        handshakes=handshakes,
        longest=parts.span(longest, "--longest"),
        seed=seed,
    )
    parts.flown_and_shown(scenario, plot, output)
