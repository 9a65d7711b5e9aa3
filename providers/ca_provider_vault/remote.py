"""The server as the provider uses it: one token for all calls, two mounts, a deadline on each call.

What may arrive twice is sent once more if its answer was lost: reads, deletions, and what says so.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ca_core.contract import (
    ConfigError,
    PermissionDeniedError,
    ProviderContext,
    Secret,
)
from ca_provider_vault.client import PooledAdapter, RefusedError, UnmountedError
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.credentials import TokenKeeper, TokenRenewal
from ca_provider_vault.tokens import disowned
from ca_provider_vault.transport import Answer, Transport

AnswerT = TypeVar("AnswerT")
Call = Callable[[PooledAdapter], AnswerT]
"""One call on an adapter that carries token, namespace and time."""

LONGEST_LEASE = "87600h"
"""Ten years: what a mount that we make allows; every certificate has its own end."""

_IN_USE = "already in use"


class Server:
    """Every way to the server of one provider object. Thread-safe; opens nothing before its use."""

    def __init__(self, config: VaultConfig, context: ProviderContext) -> None:
        self._clock = context.clock
        self._transport = Transport(config)
        self.keeper = TokenKeeper(config, self._as_login(config), context.clock, context.logger)
        self._renewal = TokenRenewal(self.keeper, context.clock)
        self.root = Mount(self, config.root_pki_path, config.root_namespace, config)
        self.intermediate = Mount(
            self, config.intermediate_pki_path, config.intermediate_namespace, config
        )

    def ask(self, call: Call[AnswerT], *, namespace: str, deadline: datetime) -> AnswerT:
        """Make one call with a token that lives; once more with another if the token was refused.

        Raises:
            Error: see ``client.raise_for``, ``Transport.send`` and ``TokenKeeper.token``.
        """
        token = self.keeper.token(self._left(deadline))
        try:
            found = call(self._adapter(token, namespace, self._left(deadline)))
        except PermissionDeniedError as refusal:
            if not self.keeper.refused(token, self._left(deadline)):
                if self.keeper.is_disowned:
                    raise disowned(refusal.needed) from refusal
                raise
            token = self.keeper.token(self._left(deadline))
            found = call(self._adapter(token, namespace, self._left(deadline)))
        self._renewal.start()
        return found

    def authenticate(self, *, deadline: datetime) -> None:
        """Take a token, unless there is one that lives.

        Raises:
            Error: see ``TokenKeeper.token``.
        """
        self.keeper.token(self._left(deadline))

    def anonymous(self, path: str, *, deadline: datetime, namespace: str = "") -> Answer:
        """Read what needs no token; the answer as it came.

        Raises:
            Error: as ``ask``.
        """
        return self._adapter(Secret(""), namespace, self._left(deadline)).raw("GET", path, None)

    def close(self) -> None:
        """Close the connections and end the thread; the token lives on until it expires."""
        self._transport.close()  # first: what the thread waits for ends at once
        self._renewal.close()

    def _as_login(self, config: VaultConfig) -> Callable[[Secret, float], PooledAdapter]:
        return lambda token, seconds: self._adapter(token, config.namespace, seconds)

    def _adapter(self, token: Secret, namespace: str, seconds: float) -> PooledAdapter:
        return PooledAdapter(self._transport, token=token, namespace=namespace, seconds=seconds)

    def _left(self, deadline: datetime) -> float:
        return (deadline - self._clock.now()).total_seconds()


class Mount:
    """One PKI mount; paths are below it, answers are the ``data`` of the server's."""

    def __init__(self, server: Server, path: str, namespace: str, config: VaultConfig) -> None:
        self.path = path.strip("/")
        self.namespace = namespace.strip("/")
        self._server = server
        self._managed = config.manage_mounts

    def get(self, path: str, *, deadline: datetime) -> Mapping[str, Any]:
        """Read.

        Raises:
            AbsentError: nothing is there.
            Error: as ``Server.ask``.
        """
        found = self._server.ask(
            lambda adapter: adapter.get(f"{self.path}/{path}"),
            namespace=self.namespace,
            deadline=deadline,
        )
        return data_of(found)

    def raw(self, path: str, *, deadline: datetime) -> Answer:
        """Read what is no JSON.

        Raises:
            AbsentError: nothing is there.
            Error: as ``Server.ask``.
        """
        return self._server.ask(
            lambda adapter: adapter.raw("GET", f"{self.path}/{path}", None),
            namespace=self.namespace,
            deadline=deadline,
        )

    def post(
        self,
        path: str,
        fields: Mapping[str, Any],
        *,
        deadline: datetime,
        repeatable: bool = False,
    ) -> Mapping[str, Any]:
        """Write.

        Args:
            path: below the mount.
            fields: the body.
            deadline: aware UTC.
            repeatable: whether it may arrive twice; else a lost answer is never asked for again.

        Raises:
            RefusedError: the server refused it.
            AbsentError: what it is about is not there.
            Error: as ``Server.ask``.
        """
        found = self._server.ask(
            lambda adapter: adapter.post(
                f"{self.path}/{path}", json=dict(fields), repeatable=repeatable
            ),
            namespace=self.namespace,
            deadline=deadline,
        )
        return data_of(found)

    def made(
        self, path: str, fields: Mapping[str, Any], *, deadline: datetime
    ) -> Mapping[str, Any]:
        """Write, making the mount first if there is none.

        Raises:
            ConfigError: there is none, and the operator has to make it.
            Error: as ``post``.
        """
        try:
            return self.post(path, fields, deadline=deadline)
        except UnmountedError:
            self._mount(deadline)
            return self.post(path, fields, deadline=deadline)

    def delete(self, path: str, *, deadline: datetime) -> None:
        """Delete; what is not there is fine.

        Raises:
            Error: as ``Server.ask``.
        """
        try:
            self._server.ask(
                lambda adapter: adapter.delete(f"{self.path}/{path}", repeatable=True),
                namespace=self.namespace,
                deadline=deadline,
            )
        except UnmountedError:
            return

    def _mount(self, deadline: datetime) -> None:
        if not self._managed:
            raise ConfigError(
                f"there is no mount at {self.path}/",
                where="ca.config.manage_mounts",
                hint="make it, or let this be true",
            )
        fields = {
            "type": "pki",
            "description": "ca-core",
            "config": {"max_lease_ttl": LONGEST_LEASE},
        }
        try:
            self._server.ask(
                lambda adapter: adapter.post(f"sys/mounts/{self.path}", json=fields),
                namespace=self.namespace,
                deadline=deadline,
            )
        except RefusedError as error:
            if not already(error):
                raise


def data_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the ``data`` of an answer; {} where there is none."""
    found = answer.get("data")
    return found if isinstance(found, Mapping) else {}


def already(error: RefusedError) -> bool:
    """Say whether the server refused to make something because it is there."""
    return any(_IN_USE in reason for reason in error.reasons)


def soon(context: ProviderContext, span: timedelta = timedelta(seconds=10)) -> datetime:
    """Return the deadline of a call that was given none, aware UTC."""
    return context.clock.now() + span
