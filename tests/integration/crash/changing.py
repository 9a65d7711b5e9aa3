"""One cluster whose signers are changed again and again, through many deaths."""

import asyncio
import re
import ssl
import time

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    PENDING,
    SIGNERS,
    Phase,
    authorities,
    bundle,
    current_signer,
)
from ca_core.identity.certificates import fingerprint, parse_certificates
from ca_core.lifecycle.rows import (
    CHANGE,
    LEFTOVERS,
    OPEN,
    OPERATIONS,
    OperationPhase,
    operation,
    operations,
)
from ca_core.state.providerstate import PROVIDER_STATE
from ca_core.state.secrets import SECRETS
from tests.integration.crash.autopsy import remains, standing
from tests.integration.crash.customer import operators

KINDS = ("swap", "rotate", "renew", "taint")
BEGUN = "asked, not begun"
GONE = "active, the old one being let go"
PHASES = (BEGUN, *(phase.value for phase in OperationPhase if phase in OPEN), GONE)
"""How far a change had come when its server died."""

OVER_WITHIN = 20.0
"""Seconds; a change of the built-in provider takes less than one."""

_OWNED = re.compile(r"[^/]+/authority/([a-z0-9-]+)(?:/signer/([a-z0-9-]+))?/")


BUILTIN = {"provider": "builtin", "config": {}, "csr_max_per_second": 0}
CHAOS = {**BUILTIN, "provider": "chaos", "config": {"inner": "builtin", "profile": "calm"}}
"""Settings of the two that are swapped."""


class ChangingCluster:
    """A data folder, and every change that was acknowledged to somebody.

    Args:
        folder: its own; short, because of the unix socket in it.
        begin: begins a server's life on a data folder.
        other: settings of what the built-in provider is swapped with.
    """

    def __init__(self, folder, begin, other=CHAOS):
        self.data_dir = folder / "d"
        self.other = other
        self.known = set()
        self._begin = begin
        self._scratch = folder / "copy"
        self._life = None
        folder.mkdir(exist_ok=True)

    async def life(self, **order):
        """Begin the next life."""
        self._life = await self._begin(self.data_dir, **order)
        return self._life

    async def made_ready(self, life, kind):
        """Bring about what a change of this kind begins with; here that is always so."""

    async def ask(self, life, kind, settle="0s"):
        """Ask for a change; what the answer names must never be lost."""
        async with operators(life) as client:
            path, body = kind, {"Settle": settle}
            if kind == "swap":
                wanted = BUILTIN if await self.is_away(client) else self.other
                path, body = "apply", {"Settings": wanted, "Wishes": body}
            answer = await client.put(f"/v1/connect/ca/{path}?wait=0s", json=body)
        assert answer.status_code in {200, 202}, answer.text
        assert answer.json()["ID"], "nothing would change"
        self.known.add(answer.json()["ID"])

    async def is_away(self, client):
        """Say whether the other provider signs, not the built-in one."""
        now = await client.get("/v1/connect/ca/configuration")
        return now.json()["Provider"] == self.other["provider"]

    async def over(self, life):
        """Return once no change is open and nothing is left behind; or once the server ended."""
        ends = time.monotonic() + OVER_WITHIN
        while not life.has_ended:
            view = standing(self.data_dir).view
            if not (view.table(CHANGE) or view.table(LEFTOVERS)):
                return
            assert time.monotonic() < ends, [str(row) for row in operations(view)[-1:]]
            await asyncio.sleep(0.02)

    def autopsy(self):
        """Check what the dead left, and return how far the last change had come."""
        view = remains(self.data_dir, self._scratch).view
        self._require_one_of_each(view)
        found = [row for row in operations(view) if row.phase in OPEN]
        if found:
            return found[0].phase.value
        return GONE if self._last_is_known(view) else BEGUN

    def _last_is_known(self, view):
        rows = operations(view)
        return bool(rows) and rows[-1].id in self.known

    async def recovered(self, life):
        """Check that the next life carries on: it signs, and nothing is lost or left over."""
        url = await life.ready()
        await self.over(life)
        view = standing(self.data_dir).view
        self._require_one_of_each(view)
        require_no_orphans(view)
        for row in operations(view):
            assert row.phase in {OperationPhase.ACTIVE, OperationPhase.ABORTED}, row
        await self._require_signing(life, url, view)

    async def aclose(self):
        """End the life that a failed check has left behind."""
        if self._life is not None and not self._life.has_ended:
            await self._life.kill()

    def _require_one_of_each(self, view):
        signing = [row.id for row in authorities(view) if row.phase is Phase.SIGNING]
        assert signing == [current_signer(view)[0].id]
        assert len([row for row in operations(view) if row.phase in OPEN]) <= 1
        if len(view.table(OPERATIONS)) < 20:  # older ones are forgotten
            lost = [name for name in self.known if operation(view, name) is None]
            assert not lost, "a change that was acknowledged is lost"

    async def _require_signing(self, life, url, view):
        """The API's own leaf was signed just now; it must lead to a root that is published."""
        async with operators(life) as client:
            roots = parse_certificates((await client.get("/v1/connect/ca/roots?pem")).text)
        assert {fingerprint(root) for root in roots} == {fingerprint(one) for one in bundle(view)}
        context = ssl.create_default_context(
            cadata="".join(root.public_bytes(Encoding.PEM).decode() for root in roots)
        )
        context.check_hostname = False
        async with httpx.AsyncClient(verify=context) as client:
            assert (await client.get(f"{url}/v1/status/leader")).status_code < 500


def require_no_orphans(view):
    """Every key, chain and ceiling belongs to an authority or signer that is on record."""
    for table in (PROVIDER_STATE, SECRETS):
        for key in view.table(table):
            found = _OWNED.match(f"{key}/")
            if found is None or key.endswith("/retired"):
                continue
            authority, signer = found.groups()
            assert view.get(AUTHORITIES, authority) is not None, f"an orphan: {table} {key}"
            assert signer is None or view.get(SIGNERS, signer) is not None, f"{table} {key}"
    for key in view.table(CEILINGS):
        assert view.get(AUTHORITIES, key.partition("/")[0]) is not None, f"an orphan: {key}"
    assert not view.table(PENDING)
