"""What a check is, before anybody ran it: values that are kept on disk with the services."""

from datetime import timedelta

import msgspec

from ca_core.durations import format_duration
from ca_core.wire.catalog import CheckStatus, Service


class Ttl(msgspec.Struct, frozen=True, kw_only=True, tag="ttl"):
    """The service itself reports; after ``ttl`` without a word it counts as critical."""

    ttl: timedelta


class Tcp(msgspec.Struct, frozen=True, kw_only=True, tag="tcp"):
    """Passing while a connection can be opened within ``timeout``."""

    host: str
    port: int
    interval: timedelta
    timeout: timedelta


class Http(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """Passing while a request is answered with 2xx; warning with 429.

    Attributes:
        headers: as they are sent; they may hold a password, and so are never shown.
        server_name: whom the server's certificate must name; '' for the URL's host.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    server_name: str = ""
    skip_verify: bool = False
    interval: timedelta
    timeout: timedelta

    def __repr__(self) -> str:
        return f"Http({self.method} {self.url})"


class Alias(msgspec.Struct, frozen=True, kw_only=True, tag="alias"):
    """Stands as the checks of another instance of this node do; '' for those of the node."""

    service_id: str


class Fixed(msgspec.Struct, frozen=True, kw_only=True, tag="fixed"):
    """Stands as it was set until it is removed: maintenance."""


Kind = Ttl | Tcp | Http | Alias | Fixed
"""What is done to find out how something stands."""

Run = Tcp | Http
"""The kinds that are run every so often."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """How many results in a row it takes; ``warning`` is at most ``critical``."""

    passing: int = 1
    warning: int = 1
    critical: int = 1


class CheckDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One check.

    Attributes:
        id: unique on this node.
        service_id: '' for a check of the node.
        status: how it stands before the first result.
        deregister_after: the service goes once the check was critical for so long; None never.
    """

    id: str
    name: str
    notes: str = ""
    service_id: str = ""
    kind: Kind
    status: CheckStatus = CheckStatus.CRITICAL
    thresholds: Thresholds = Thresholds()
    deregister_after: timedelta | None = None

    @property
    def type(self) -> str:
        """Return the kind in one word, as Consul shows it; '' for maintenance."""
        return "" if isinstance(self.kind, Fixed) else type(self.kind).__name__.lower()

    @property
    def interval(self) -> str:
        """Return how often it is run, like ``10s``; '' where it is not."""
        return format_duration(self.kind.interval) if isinstance(self.kind, Run) else ""

    @property
    def timeout(self) -> str:
        """Return how long one run may take, like ``10s``; '' where it is not run."""
        return format_duration(self.kind.timeout) if isinstance(self.kind, Run) else ""


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """One instance as it is registered, with the checks that came with it.

    Attributes:
        accessor: of the token that registered it; '' without one.
        configured: it stands in the configuration file.
        parent: id of the service whose sidecar this is; it goes with that one.
    """

    service: Service
    checks: tuple[CheckDefinition, ...] = ()
    accessor: str = ""
    configured: bool = False
    parent: str = ""
