"""Providers that misunderstand what a backend answers."""

import json
from datetime import timedelta

from ca_core.contract import ProviderError, RateLimitedError, parse_certificates
from tests.conformance.broken.breaking import Broken
from tests.conformance.remote.backend import running
from tests.conformance.remote.client import Client
from tests.conformance.remote.provider import RemoteProvider, plugin_of


def remote(name, fault, check, kind=None, *, client=None, counted=True):
    """Return the remote provider with another class, or another client."""
    service, url = running()

    class Other(kind or RemoteProvider):
        def connected(self, config, context):
            return (client or Client)(config.address, context.clock)

    supplied = {
        "make_config": lambda address: {"address": address or url},
        "backend": url,
        "clock": None,
        "count_objects": service.count if counted else None,
    }
    return Broken(
        name=name,
        fault=fault,
        caught_by=frozenset({check}),
        plugin=lambda: plugin_of(Other),
        later=True,
        supply=lambda _plugin, _clock: supplied,
    )


class Refused(Client):
    """Knows no permissions."""

    def error(self, status, headers, asked):
        """Take 403 for anything else."""
        return ProviderError("refused") if status == 403 else super().error(status, headers, asked)


class Permanent(Client):
    """Takes a standby for broken."""

    def error(self, status, headers, asked):
        """Give up at 503."""
        return ProviderError("broken") if status == 503 else super().error(status, headers, asked)


class ShortTable(Client):
    """Looks a status up in a table that has no line for it."""

    def error(self, status, headers, asked):
        """Forget 412."""
        if status == 412:
            raise KeyError(status)
        return super().error(status, headers, asked)


class Impatient(Client):
    """Does not read ``Retry-After``."""

    def error(self, status, headers, asked):
        """Ask again in a second."""
        if status == 429:
            return RateLimitedError(retry_after=timedelta(seconds=1))
        return super().error(status, headers, asked)


class ForeignRefusal(Client):
    """Lets the exception of a refused connection out."""

    def connect(self, connection):
        """Connect, and hope."""
        connection.connect()


class ForeignReset(Client):
    """Lets the exception of a cut connection out, when it makes a CA."""

    def lost(self, method, error):
        """Hope."""
        cut = method == "PUT" and not isinstance(error, TimeoutError)
        return error if cut else super().lost(method, error)


class Trusting(Client):
    """Takes whatever comes with 200 for JSON, where it writes."""

    def read(self, status, headers, body, asked):
        """Parse, and hope."""
        if status == 200 and not asked.startswith("GET"):
            return json.loads(body)
        return super().read(status, headers, body, asked)


class Blames(Client):
    """Says RequestError for certificates that the backend spoilt."""

    def certificates(self, answer, name):
        """Parse, and let the parser speak."""
        return tuple(parse_certificates(answer[name]))


BROKEN = (
    remote("knows-no-403", "403 is any error", "fault.forbidden", client=Refused),
    remote("gives-up-at-503", "503 is for good", "fault.unavailable", client=Permanent),
    remote("short-table", "412 is a KeyError", "fault.status", client=ShortTable),
    remote("impatient", "ignores Retry-After", "fault.rate-limit", client=Impatient),
    remote("foreign-refusal", "lets OSError out", "fault.refused", client=ForeignRefusal),
    remote("foreign-reset", "lets library errors out", "fault.reset", client=ForeignReset),
    remote("trusting", "lets JSONDecodeError out", "fault.garbage", client=Trusting),
    remote("blames-the-caller", "bad PEM is RequestError", "fault.truncated", client=Blames),
)
