"""What the server's audit log says: proof that calls arrived there, and how they looked."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as the server saw it.

    Attributes:
        operation: ``read``, ``update``, ``delete`` or ``list``.
        path: below the namespace, without ``/v1/``.
        namespace: without slashes around it; '' is the server's own.
        policies: of the token, as far as the server knows it.
        connection: the client's port, which tells connections apart.
        refusal: why the request itself was not allowed; '' if it was.
    """

    operation: str
    path: str
    namespace: str
    policies: tuple[str, ...]
    connection: int
    refusal: str


class AuditTail:
    """The part of a server's audit log that was written since this object was made."""

    def __init__(self, vault):
        self._log = vault.audit_log
        self._begin = self._log.stat().st_size

    def arrivals(self):
        """Return every request since then, in order."""
        with self._log.open("rb") as log:
            log.seek(self._begin)
            entries = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [_arrival(entry) for entry in entries if entry["type"] == "request"]

    def on(self, mounts):
        """Return the requests to two mounts."""
        inside = (f"{mounts.root}/", f"{mounts.intermediate}/")
        return [
            seen
            for seen in self.arrivals()
            if seen.path.startswith(inside) and seen.namespace == mounts.namespace
        ]

    def signed_on(self, mounts):
        """Return the requests that had a key of these mounts sign something."""
        return [seen for seen in self.on(mounts) if "/sign" in seen.path]


def _arrival(entry):
    request = entry["request"]
    return Arrival(
        operation=request["operation"],
        path=request["path"],
        namespace=request.get("namespace", {}).get("path", "").strip("/"),
        policies=tuple(entry.get("auth", {}).get("policies", ())),
        connection=request.get("remote_port", 0),
        refusal=entry.get("error", ""),
    )
