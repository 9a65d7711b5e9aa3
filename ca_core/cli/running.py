"""From flags to a process that runs: configuration, a free port, the first screen, a clean end."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ca_core.api.agentprocess import run_agent
from ca_core.api.localservices import check_services
from ca_core.api.running import run_dev, run_server
from ca_core.api.started import Started
from ca_core.cli import first_screen
from ca_core.cli.output import print_lines
from ca_core.cli.ports import refuse_taken
from ca_core.cli.serving import keep_loaded, serve
from ca_core.config import Config, FollowedConfig, LogConfig, parse_listen
from ca_core.config.rules import check_loopback
from ca_core.errors import ConfigError
from ca_core.telemetry.logs import set_up_logging

MAX_TOKEN_BYTES = 4096


def dev(*, listen: str, data_dir: Path | None, file: Path | None) -> None:
    """Run ``dev`` until it is stopped; unless the configuration speaks of logs, only warnings show.

    Raises:
        ConfigError: the configuration is wrong, the address is not loopback, or the port is taken.
    """
    followed = FollowedConfig(file, also=check_services)
    config = followed.load()
    check_loopback(listen, where="--listen")
    refuse_taken(parse_listen(listen, where="--listen"))

    def announce(started: Started) -> None:
        keep_loaded()
        print_lines(first_screen.dev_screen(started, data_dir=data_dir))

    level = "warning" if config.log == LogConfig() else config.log.level
    set_up_logging(level, config.log.format)
    running = run_dev(
        config, listen=listen, data_dir=data_dir, announce=announce, load=followed.load
    )
    serve(running)


def server(*, file: Path | None, flags: Mapping[str, Any]) -> None:
    """Run the server until it is stopped. Raises as ``dev``."""
    followed = FollowedConfig(file, flags)
    config = followed.load()
    _refuse_taken(config.server.listen)

    def announce(started: Started) -> None:
        keep_loaded()
        screen = first_screen.server_screen(
            started, data_dir=config.server.data_dir, advertise=config.server.advertise
        )
        print_lines(screen)

    set_up_logging(config.log.level, config.log.format)
    serve(run_server(config, announce=announce, load=followed.load))


def agent(*, file: Path | None, flags: Mapping[str, Any]) -> None:
    """Run the agent until it is stopped. Raises as ``dev``; also without any server to ask."""
    followed = FollowedConfig(file, flags, also=check_services)
    config = followed.load()
    if not config.agent.servers:
        raise ConfigError(
            "no server to ask",
            where="agent.server",
            hint="ca-core agent --server https://HOST:8501, or set it in the configuration",
        )
    _refuse_taken(config.agent.listen)

    def announce(started: Started) -> None:
        print_lines(first_screen.agent_screen(started, data_dir=config.agent.data_dir))

    token = join_token(config)
    set_up_logging(config.log.level, config.log.format)
    serve(run_agent(config, join_token=token, announce=announce, load=followed.load))


def _refuse_taken(addresses: tuple[str, ...]) -> None:
    for text in addresses:
        refuse_taken(parse_listen(text))


def join_token(config: Config) -> str | None:
    """Return the token in the configured file, or None if none is configured.

    Raises:
        ConfigError: it cannot be read, or holds nothing; its content is not shown.
    """
    path = config.agent.join_token_file
    if path is None:
        return None
    try:
        text = sys.stdin.read(MAX_TOKEN_BYTES) if str(path) == "-" else _read(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(reason.lower(), where=f"agent.join_token_file: {path}") from None
    if not text.strip():
        raise ConfigError("holds no token", where=f"agent.join_token_file: {path}")
    return text.strip()


def _read(path: Path) -> str:
    with path.open() as file:
        return file.read(MAX_TOKEN_BYTES)
