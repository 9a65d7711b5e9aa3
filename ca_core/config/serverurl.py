"""Addresses in a configuration: URLs, and the one of a server as an agent is told it."""

from urllib.parse import SplitResult, urlsplit

from ca_core.errors import ConfigError


def checked_url(server_url: str) -> str:
    """Return ``https://host:port`` without a trailing slash.

    Raises:
        ConfigError: not an https URL, or with a path, user or query.
    """
    parts = split_url(server_url)
    if parts is None or parts.scheme != "https" or not parts.hostname or _has_more(parts):
        raise ConfigError(
            f"{server_url[:80]!r} is not the address of a server; write https://HOST:8501",
            where="agent.server",
        )
    return f"https://{parts.netloc}"


def _has_more(parts: SplitResult) -> bool:
    return bool(parts.path.strip("/") or parts.query or parts.fragment or parts.username)


def split_url(url: str) -> SplitResult | None:
    """Return the parts of a URL, its port among them; None if it is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises if it is none
    except ValueError:
        return None
    return parts
