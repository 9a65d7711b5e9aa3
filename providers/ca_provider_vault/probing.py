"""What the token may not do, and whether the server is up: asked without changing anything."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ca_core.contract import (
    Findings,
    PermissionDeniedError,
    ProbeRequest,
    ProviderContext,
    Role,
)
from ca_provider_vault.client import RefusedError, UnmountedError
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.naming import leaf_role, root_object, signer_object
from ca_provider_vault.remote import Mount, Server

_SELF = "sys/capabilities-self"
_HEALTH = "sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200"
_TOKEN_NEEDS = {"auth/token/lookup-self": "read", "auth/token/renew-self": "update"}
_ALL = frozenset({"root", "sudo"})


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that an operation does on the server: a full path, and what a policy must grant."""

    namespace: str
    path: str
    capability: str

    def __str__(self) -> str:
        return f"{self.path}: {self.capability}"


class Probing:
    """Questions about one server on behalf of one authority."""

    def __init__(self, server: Server, config: VaultConfig, context: ProviderContext) -> None:
        self._server = server
        self._config = config
        self._context = context

    def findings(self, request: ProbeRequest, *, exists: bool, adopted: str = "") -> Findings:
        """Compare what every operation needs with what the server says the token may do.

        Args:
            request: for its deadline.
            exists: whether the authority does.
            adopted: the id of an existing issuer that is or will be the root.

        Raises:
            Error: the server cannot be asked.
        """
        missing = self.missing(request.deadline, adopted)
        return Findings(exists=exists, missing_permissions=missing)

    def missing(self, deadline: datetime, adopted: str = "") -> tuple[str, ...]:
        """Return what the token may not do and should, as ``path: capability``.

        Raises:
            Error: the server cannot be asked.
        """
        needs, found = tuple(self._needs(deadline, adopted)), list[str]()
        for namespace in sorted({need.namespace for need in needs}):
            here = [need for need in needs if need.namespace == namespace]
            found += self._missing(namespace, here, deadline)
        return tuple(found)

    def outage(self, deadline: datetime) -> str:
        """Return why the server cannot work now, or ''.

        Raises:
            Error: it cannot be asked.
        """
        try:
            said = json.loads(self._server.anonymous(_HEALTH, deadline=deadline).body)
        except ValueError:
            return "the server's health is no JSON"
        if not isinstance(said, Mapping):
            return "the server's health is no JSON object"
        for key, fault in (("initialized", False), ("sealed", True)):
            if said.get(key) is fault:
                return "the server is sealed" if fault else "the server is not initialised"
        return ""

    def lost_mount(self, deadline: datetime) -> str:
        """Return which mount is not there, of those that an authority needs, or ''.

        Raises:
            Error: the server cannot be asked.
        """
        mounts = [self._server.intermediate]
        if self._context.role is Role.PRIMARY:
            mounts.append(self._server.root)
        lost = [mount.path for mount in mounts if not self._is_mounted(mount, deadline)]
        return f"there is no mount at {lost[0]}/" if lost else ""

    def _missing(self, namespace: str, needs: list[Need], deadline: datetime) -> list[str]:
        paths = sorted({need.path for need in needs})
        try:
            granted = self._server.ask(
                lambda adapter: adapter.post(_SELF, json={"paths": paths}, repeatable=True),
                namespace=namespace,
                deadline=deadline,
            )
        except PermissionDeniedError as error:
            if not error.needed:  # a login that was not accepted: no permission would mend it
                raise
            return list(error.needed)
        return [str(need) for need in needs if not _grants(granted.get(need.path), need)]

    def _needs(self, deadline: datetime, adopted: str) -> Iterator[Need]:
        for path, capability in _TOKEN_NEEDS.items():
            yield Need(self._config.namespace.strip("/"), path, capability)
        if self._context.role is Role.PRIMARY:
            yield from self._of(self._server.root, self._root_needs(adopted), deadline)
        yield from self._of(self._server.intermediate, self._intermediate_needs(), deadline)

    def _of(self, mount: Mount, needs: Mapping[str, str], deadline: datetime) -> Iterator[Need]:
        for path, capabilities in needs.items():
            for capability in capabilities.split():
                yield Need(mount.namespace, f"{mount.path}/{path}", capability)
        if self._config.manage_mounts and not self._is_mounted(mount, deadline):
            yield Need(mount.namespace, f"sys/mounts/{mount.path}", "update")

    def _is_mounted(self, mount: Mount, deadline: datetime) -> bool:
        """Say whether a mount is there: its CA needs no token, what is not there is forbidden."""
        path = f"{mount.path}/ca/pem"
        try:
            self._server.anonymous(path, namespace=mount.namespace, deadline=deadline)
        except (UnmountedError, PermissionDeniedError, RefusedError):
            return False
        return True

    def _root_needs(self, adopted: str) -> Mapping[str, str]:
        name = adopted or root_object(self._context.authority_id)
        always = {
            f"issuer/{name}": "read",
            f"issuer/{name}/sign-intermediate": "update",
            "intermediate/cross-sign": "update",
        }
        if adopted:
            return always
        return always | {
            "root/generate/internal": "update",
            "root/generate/existing": "update",
            f"issuer/{name}": "read delete",
            f"key/{name}": "delete",
        }

    def _intermediate_needs(self) -> Mapping[str, str]:
        authority = self._context.authority_id
        name, role = signer_object(authority, "probe"), leaf_role(authority)
        return {
            "intermediate/generate/internal": "update",
            "intermediate/generate/existing": "update",
            "intermediate/set-signed": "update",
            "issuer/probe": "update delete",  # a new issuer has an id of the server's choice
            f"issuer/{name}": "delete",
            f"key/{name}": "delete",
            f"roles/{role}": "update delete",
            f"issuer/{name}/sign/{role}": "update",
            f"issuer/{name}/sign-revocation-list": "update",
            "revoke": "update",
            "crl/rotate": "read",
        }


def hinders_leaves(missing: Iterable[str]) -> bool:
    """Say whether leaves cannot be signed, or nobody can say what is missing."""
    return any("/sign/" in said or said.startswith(_SELF) for said in missing)


def _grants(granted: object, need: Need) -> bool:
    listed = frozenset(map(str, granted)) if isinstance(granted, list) else frozenset()
    return need.capability in listed or bool(listed & _ALL)
