"""A process that answers, as it announces itself."""

from collections.abc import Callable
from dataclasses import dataclass

from ca_core.config.listen import Listen, TcpListen
from ca_core.config.model import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process that answers: where, and whom it trusts.

    ``root_fingerprint`` is the SHA-256 of the signing root, 64 hex digits; empty before there is
    one. ``why_not_ready`` says in one sentence why it cannot do its work yet; empty if it can.
    """

    url: str
    trust_domain: str
    root_fingerprint: str
    why_not_ready: str = ""


Announce = Callable[[Started], None]
Load = Callable[[], Config]
"""Reads the configuration anew; blocks, raises ``ConfigError``."""


def status_of(started: Started) -> str:
    """Return one line for ``systemctl status``."""
    gap = started.why_not_ready
    return f"{started.url} for {started.trust_domain}" + (f"; not ready: {gap}" if gap else "")


def url_of(address: Listen) -> str:
    """Return an address as people type it."""
    return f"http://{address}" if isinstance(address, TcpListen) else str(address)
