"""A server that somebody else runs: asked and tidied, never sealed, killed or audited."""

import contextlib
import secrets
import urllib.error
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.vaults.server import VaultServer

NOT_OURS = "NOT RUN: the server of VAULT_ADDR is not ours to {}; TEST_VAULT=process starts one"


@dataclass
class ForeignVault(VaultServer):
    """The server of VAULT_ADDR; a test that would end it, or read its audit log, is skipped.

    Names of mounts and policies carry a label of this run, so that runs do not meet.
    """

    address: str
    token: str = field(repr=False)
    label: str = field(default_factory=lambda: f"{secrets.token_hex(4)}-")
    unseal_key: str = ""
    can_restart = False
    is_audited = False
    _made: list[str] = field(default_factory=list, repr=False)

    @property
    def audit_log(self) -> Path:
        """Skip the test."""
        pytest.skip(NOT_OURS.format("audit"))

    def start(self) -> None:
        """Skip the test."""
        pytest.skip(NOT_OURS.format("start"))

    def kill(self) -> None:
        """Skip the test."""
        pytest.skip(NOT_OURS.format("kill"))

    def seal(self) -> None:
        """Skip the test."""
        pytest.skip(NOT_OURS.format("seal"))

    def unseal(self) -> None:
        """Skip the test."""
        pytest.skip(NOT_OURS.format("unseal"))

    def call(self, method: str, path: str, body: object = None, *, token: str | None = None):
        """Ask, and remember what is made for ``tidy``."""
        answer = super().call(method, path, body, token=token)
        kinds = ("sys/mounts/", "sys/auth/", "sys/namespaces/", "sys/policies/acl/")
        if method in {"POST", "PUT"} and path.startswith(kinds) and not path.endswith("/tune"):
            self._made.append(path)
        return answer

    def tidy(self) -> None:
        """Take away what this run has made: what it asked for, and mounts that carry its label."""
        mounts = super().call("GET", "sys/mounts")["data"]
        labelled = [f"sys/mounts/{path}" for path in mounts if self.label in path]
        for path in dict.fromkeys([*reversed(self._made), *labelled]):
            with contextlib.suppress(urllib.error.HTTPError):  # a test has taken it away itself
                super().call("DELETE", path.rstrip("/"))
