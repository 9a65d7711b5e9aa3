"""Requests as values, for handlers and parsers that know no ASGI."""

from ca_core.acl.principal import Anonymous
from ca_core.api.http import Request


def asking(query="", *, method="GET", path="/", body=b"", principal=None, remote="", **params):
    """Return a request."""
    return Request(
        method=method,
        path=path,
        query=query,
        headers={},
        body=body,
        principal=principal or Anonymous(loopback=True),
        params=params,
        remote=remote,
    )
