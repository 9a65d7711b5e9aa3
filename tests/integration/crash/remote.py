"""A cluster whose keys are in OpenBao: servers die between two effects there, and nothing is left.

What OpenBao holds is compared, name by name, with what the store says should live.
"""

import asyncio
import threading
import time

from ca_provider_vault.naming import leaf_role, root_object, signer_object

from ca_core.authority.rows import (
    CONFIGURATIONS,
    IN_BUNDLE,
    SIGNERS,
    ConfigurationRow,
    Phase,
    SignerRow,
    authorities,
    decoded,
    read,
)
from ca_core.lifecycle.rows import LEFTOVERS, OperationPhase, open_operation
from ca_core.testing.faults import Hang, Mangle
from tests.integration.crash.autopsy import standing
from tests.integration.crash.changing import BUILTIN, OVER_WITHIN, ChangingCluster
from tests.integration.crash.customer import operators

PROVIDER = "vault"
_ALIVE = IN_BUNDLE | {Phase.PREPARED}


def settings(mounts, address):
    """Return the settings of a provider in these mounts, reached at ``address``."""
    return {**BUILTIN, "provider": PROVIDER, "config": mounts.config(address)}


def expected(view):
    """Return what OpenBao should hold by the store: (mount, kind, name) of every object."""
    found = set()
    for row in authorities(view):
        if row.phase in _ALIVE and _is_remote(view, row):
            found |= _pair("root", root_object(row.id))
            found.add(("intermediate", "roles", leaf_role(row.id)))
            for signer in _signers(view, row):
                found |= _pair("intermediate", signer_object(row.id, signer))
    return found


def held(mounts):
    """Return what OpenBao holds in these mounts; a nameless one is known by its id."""
    found = set()
    for mount in ("root", "intermediate"):
        for kind in ("issuers", "keys"):
            found |= {(mount, kind, name) for name in _names(mounts, getattr(mounts, mount), kind)}
        roles = mounts.listed(getattr(mounts, mount), "roles")
        found |= {(mount, "roles", name) for name in roles}
    return found


def _pair(mount, name):
    return {(mount, "issuers", name), (mount, "keys", name)}


def _is_remote(view, row):
    found = read(view, ConfigurationRow, CONFIGURATIONS, row.configuration)
    return found is not None and found.provider == PROVIDER


def _signers(view, authority):
    rows = (decoded(SignerRow, row.value) for row in view.table(SIGNERS).values())
    return [row.id for row in rows if row.authority == authority.id]


def _names(mounts, mount, kind):
    ids = mounts.listed(mount, kind)
    if not ids:
        return []
    described = mounts.call("LIST", f"{mount}/{kind}")["data"]["key_info"]
    field = "issuer_name" if kind == "issuers" else "key_name"
    return [described[one][field] or one for one in ids]


class Unanswered:
    """A fault: the server does what was asked, and its answer is kept back until the proxy heals.

    Attributes:
        is_met: the effect is there.
    """

    def __init__(self, proxy):
        self._met = threading.Event()
        self._proxy = proxy
        self.fault = Mangle(self._kept)

    @property
    def is_met(self):
        """Say whether a write is held up."""
        return self._met.is_set()

    def _kept(self, body):
        self._met.set()
        self._proxy.wait_until_healed()
        return body


class Unsent:
    """A fault: a write does not arrive, and is cut off once the proxy heals."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._spoilt = proxy.spoilt
        self.fault = Hang()

    @property
    def is_met(self):
        """Say whether a write is held up."""
        return self._proxy.spoilt > self._spoilt


class RemoteCluster(ChangingCluster):
    """A cluster that is swapped between the built-in provider and OpenBao.

    Args:
        folder: its own; short.
        begin: begins a server's life.
        mounts: two of its own on OpenBao.
        proxy: what its servers reach OpenBao through.
    """

    def __init__(self, folder, begin, mounts, proxy):
        super().__init__(folder, begin, settings(mounts, proxy.address))
        self.mounts = mounts
        self.proxy = proxy
        self._before = self._mounted()

    async def recovered(self, life):
        """Check as for every cluster, and that OpenBao holds what it should, no more, no less."""
        await super().recovered(life)
        await self.is_tidy()

    async def is_tidy(self):
        """Return once OpenBao holds exactly what the store says should live."""
        ends = time.monotonic() + OVER_WITHIN
        while True:
            wanted, there = expected(standing(self.data_dir).view), held(self.mounts)
            if wanted == there:
                break
            assert time.monotonic() < ends, f"orphans: {there - wanted}; lost: {wanted - there}"
            await asyncio.sleep(0.05)
        assert self._mounted() - self._before <= {self.mounts.root, self.mounts.intermediate}

    async def made_ready(self, life, kind):
        """Let OpenBao sign, unless a swap brings that about."""
        if kind != "swap":
            await self.let_sign(life, away=True)

    async def let_sign(self, life, *, away):
        """Let OpenBao sign, or the built-in provider; whichever signs already stays."""
        async with operators(life) as client:
            is_away = await self.is_away(client)
        if is_away != away:
            await self.ask(life, "swap")
            await self.over(life)
            await self.is_tidy()

    async def distributed(self, life):
        """Return once a change waits for its root to settle; or is over; or the server ended."""
        ends = time.monotonic() + OVER_WITHIN
        while not life.has_ended:
            row = open_operation(standing(self.data_dir).view)
            if row is None or row.phase is OperationPhase.DISTRIBUTED:
                return
            assert time.monotonic() < ends, row
            await asyncio.sleep(0.01)

    async def left(self, life):
        """Return once nothing drains any more, here and on OpenBao; or the server ended."""
        ends = time.monotonic() + OVER_WITHIN
        while not life.has_ended:
            view = standing(self.data_dir).view
            signers = view.table(SIGNERS)
            if len(authorities(view)) == len(signers) == 1 and not view.table(LEFTOVERS):
                return
            assert time.monotonic() < ends, authorities(view)
            await asyncio.sleep(0.02)

    async def abort(self, life):
        """Abort the change that is open, if one is."""
        row = open_operation(standing(self.data_dir).view)
        if row is not None:
            async with operators(life) as client:
                path = f"/v1/connect/ca/operations/{row.id}/abort"
                answer = await client.put(path)
            assert answer.status_code in {200, 400}, answer.text  # it may be over meanwhile

    def _mounted(self):
        found = self.mounts.call("GET", "sys/mounts")["data"]
        return {path.strip("/") for path, mount in found.items() if mount["type"] == "pki"}
