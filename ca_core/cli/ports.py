"""A port in use: who has it, as far as the kernel tells this user, and what to type instead."""

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ca_core.config.listen import Listen, TcpListen
from ca_core.errors import ConfigError

_LISTENING = "0A"
"""State column of /proc/net/tcp. Source: proc(5), tcp_states.h."""

_STEPS = range(100, 1000, 100)
"""Ports tried instead: 8600, 8700, … for 8500."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that listens; ``command`` is its short name."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid})"


def refuse_taken(listen: Listen, *, flag: str = "--listen") -> None:
    """Refuse an address that somebody listens on already.

    Raises:
        ConfigError: says who, as far as this user may see it, and what to type instead.
    """
    if not isinstance(listen, TcpListen) or listen.port == 0 or is_free(listen):
        return
    holder = holder_of(listen.port)
    stop = f", or stop it with `kill {holder.pid}`" if holder else ""
    other = free_alternative(listen)
    raise ConfigError(
        f"port {listen.port} is in use by {holder or 'another process of another user'}",
        where=flag,
        hint=f"{flag} {other}{stop}" if other else "choose another port",
    )


def is_free(listen: TcpListen) -> bool:
    """Say whether the address can be listened on now.

    Raises:
        ConfigError: no such address on this machine, or a port only root may use.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            reason = (error.strerror or str(error)).lower()
            raise ConfigError(f"cannot listen on {listen}: {reason}", where="--listen") from None
    return True


def free_alternative(listen: TcpListen) -> TcpListen | None:
    """Return a free address on the same host, hundreds of ports further on."""
    others = (TcpListen(listen.host, listen.port + step) for step in _STEPS)
    return next((other for other in others if other.port < 1 << 16 and is_free(other)), None)


def holder_of(port: int, *, proc: Path = Path("/proc")) -> Holder | None:
    """Return who listens on ``port``; None if the kernel does not show it to this user."""
    inodes = set(_listening_inodes(port, proc))
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.glob("[0-9]*"):
        if wanted & set(_open_files(process)):
            return Holder(int(process.name), _command_of(process))
    return None


def _listening_inodes(port: int, proc: Path) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            _, *lines = (proc / "net" / table).read_text().splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            columns = line.split()
            address, state, inode = columns[1], columns[3], columns[9]
            if state == _LISTENING and int(address.rpartition(":")[2], 16) == port:
                yield inode


def _open_files(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:  # another user's process, or one that has just ended
        return


def _command_of(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
