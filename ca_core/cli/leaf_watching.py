"""``leaf watch``: the agent's engine, told to people or programs a line per change."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from ca_core.agent.leaffiles import LEAF
from ca_core.agent.watching import OnChange, running, watch_leaf
from ca_core.cli.address import Address
from ca_core.cli.client import verification
from ca_core.cli.options import Output
from ca_core.cli.serving import serve
from ca_core.clock import SystemClock
from ca_core.errors import ConfigError
from ca_core.identity.certificates import parse_certificates
from ca_core.telemetry.logs import set_up_logging
from ca_core.wire.times import wire_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Which leaf is kept, where, and with which names besides its identity."""

    service: str
    out: Path
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def query(self) -> Mapping[str, str]:
        """Return the names as the agent's query has them."""
        params = {"dns-san": ",".join(self.dns_names), "ip-san": ",".join(self.addresses)}
        return {name: text for name, text in params.items() if text}


def watch(
    watched: Watched, address: Address, token: str | None, *, command: str, output: Output
) -> None:
    """Keep the files current until SIGINT or SIGTERM.

    Raises:
        ConfigError: ``command`` cannot be split into words, or the folder cannot be written.
        RequestError: the agent refuses.
    """
    set_up_logging("warning", "json" if output is Output.JSON else "text")
    on_change = told(watched, words_of(command), output)
    serve(_watched(watched, address, token, on_change))


def words_of(command: str) -> tuple[str, ...]:
    """Return the words of ``--exec`` as a shell would split them; no shell ever runs.

    Raises:
        ConfigError: a quote does not close.
    """
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigError(str(error).lower(), where="--exec") from None


def told(watched: Watched, command: tuple[str, ...], output: Output) -> OnChange:
    """Return what happens after a change: a line on standard output, then the command."""
    run = running(command) if command else None

    async def on_change() -> None:
        sys.stdout.write(change_line(watched, output))
        sys.stdout.flush()
        if run is not None:
            await run()

    return on_change


def change_line(watched: Watched, output: Output) -> str:
    """Return one line about the files as they are now: JSON, or words."""
    leaf = parse_certificates((watched.out / LEAF).read_bytes())[0]
    until = wire_time(leaf.not_valid_after_utc)
    if output is Output.JSON:
        facts = {"Service": watched.service, "Out": str(watched.out), "ValidBefore": until}
        return json.dumps(facts) + "\n"
    return f"{watched.out}: new files for {watched.service}, valid until {until}\n"


async def _watched(
    watched: Watched, address: Address, token: str | None, on_change: OnChange
) -> None:
    socket = None if address.socket is None else str(address.socket)
    transport = httpx.AsyncHTTPTransport(uds=socket, verify=verification(address))
    headers = {"x-consul-token": token} if token else {}
    async with httpx.AsyncClient(
        base_url=address.url, headers=headers, transport=transport
    ) as client:
        await watch_leaf(
            client,
            watched.service,
            watched.out,
            on_change,
            SystemClock(),
            names=watched.query(),
        )
