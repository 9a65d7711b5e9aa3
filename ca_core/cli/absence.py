"""What to do where nobody answers: the process that is configured here is not running."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ca_core.config import Config

Kind = Literal["server", "agent"]

UNKNOWN = "start one with `ca-core dev`, or name another with --http-addr ADDRESS"
"""Where nothing is configured."""


def absence(kind: Kind, config: "Config", file: Path | None) -> str:
    """Return the next step where no process of ``kind`` answers; '' if none is configured here.

    ``file`` is what was read of ``config``, or None.
    """
    kinds = configured(config)
    if not kinds:
        return ""
    source = str(file) if file is not None else "the environment"
    if kind in kinds:
        start = _start(kind, file)
        return (
            f"the {kind} of {source} is not running: start it with `{start}`, or name another with"
            " --http-addr ADDRESS"
        )
    return f"{source} is of {_other(kind)} alone: name {_one(kind, config)}"


def configured(config: "Config") -> tuple[Kind, ...]:
    """Return the processes of which something is configured."""
    from ca_core.config import Config  # noqa: PLC0415 - reading it takes time; help needs none

    plain = Config()
    server: tuple[Kind, ...] = ("server",) if config.server != plain.server else ()
    return (*server, "agent") if config.agent != plain.agent else server


def _start(kind: Kind, file: Path | None) -> str:
    """Return the command that starts it: the unit is for the configuration of the machine."""
    is_of_machine = file is not None and file.parts[:2] == ("/", "etc")
    return f"systemctl start ca-core-{kind}" if is_of_machine else f"ca-core {kind}"


def _other(kind: Kind) -> str:
    return "an agent" if kind == "server" else "a server"


def _one(kind: Kind, config: "Config") -> str:
    if kind == "agent":
        return "an agent with --http-addr ADDRESS"
    url = next(iter(config.agent.servers), "https://HOST:8501")
    return f"a server with --http-addr {url}, and its roots with CA_CORE_CACERT=FILE"
