"""A change from one kind of authority to another, stopped at every step, and those who verify."""

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509

from ca_core.agent.verification import trusted_path
from ca_core.authority.registry import Registry
from ca_core.authority.rows import bundle, current_signer
from ca_core.authority.settings import CASettings
from ca_core.identity.certificates import fingerprint, parsed_chain, pem_chain
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle import installing
from ca_core.lifecycle.rows import OperationPhase, Wishes
from ca_core.testing.clock import FakeClock
from ca_core.testing.corporate import CorporateCA
from tests.integration.svid import openssl, write
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
LEAF_TTL = timedelta(hours=3)
HOUR = timedelta(hours=1)
QUICK = Wishes(settle=timedelta())


@dataclass(frozen=True)
class KindOfAuthority:
    """A key, and whether a corporate RSA root stands above it."""

    key: KeySpec
    corporate: bool

    def __str__(self):
        return f"{'corporate-' if self.corporate else ''}{self.key.type.value}"

    def settings(self, **more):
        """Return the configuration that makes such an authority."""
        return CASettings(
            provider="under-test",
            key=self.key,
            csr_max_per_second=0,
            config={"external_issuer": self.corporate},
            **{"leaf_ttl": LEAF_TTL, **more},
        )


KINDS = tuple(
    KindOfAuthority(key, corporate)
    for corporate in (False, True)
    for key in (
        KeySpec(KeyType.EC, 256),
        KeySpec(KeyType.RSA, 2048),
        KeySpec(KeyType.ED25519, 256),
    )
)
PLAIN = KINDS[0]


class WalkedRoom(LivingRoom):
    """A room on a clock that stands, with a corporate CA at hand.

    Attributes:
        corporate_root: an RSA CA.
        corporation: a CA below it, which signs every CSR that waits.
    """

    def __init__(self, engine, kind, **more):
        more.setdefault("clock", FakeClock())
        more.setdefault("settings", kind.settings())
        super().__init__(engine, BUILTIN, **more)
        now = self.clock.now()
        self.corporate_root = CorporateCA(now=now, key=KeySpec(KeyType.RSA, 2048))
        self.corporation = CorporateCA(now=now, below=self.corporate_root)

    async def ready(self, within=20.0):
        """Return once leaves can be signed; a first CSR is signed by the corporation."""
        await self.until(lambda: self.manager.waiting_csr() or not self.manager.why_not_ready())
        if self.manager.waiting_csr():
            await self.manager.install_chain(self._signed(self.manager.waiting_csr()))
        await super().ready(within)

    async def begun(self, change):
        """Begin a change; its CSR, if it asks for one, is signed by the corporation."""
        row = await change
        view = lambda: self.store.snapshot  # noqa: E731 - read anew each time
        moved = lambda: self.operation(row.id).phase is not OperationPhase.PLANNED  # noqa: E731
        await self.until(lambda: moved() or installing.waiting_csr(view()))
        if not moved():
            chain = self._signed(installing.waiting_csr(view()))
            await installing.install_chain(self.lifecycle.tools, chain)
        return row

    async def reached(self, row, phase):
        """Return the operation once it is in ``phase``."""
        gone = {OperationPhase.FAILED, OperationPhase.ABORTED}
        await self.until(lambda: self.operation(row.id).phase in gone | {phase})
        found = self.operation(row.id)
        assert found.phase is phase, found
        return found

    async def changed(self, change):
        """Carry a change out; return the operation once it is active."""
        return await self.reached(await self.begun(change), OperationPhase.ACTIVE)

    def anchors(self):
        """Return the bundle that is given out now."""
        return bundle(self.store.snapshot)

    def signing(self):
        """Return the authority that signs."""
        return current_signer(self.store.snapshot)[0]

    async def eventually(self, holds):
        """Let time pass, five seconds at every look, until something holds."""

        def look():
            self.clock.advance(timedelta(seconds=5))
            return holds()

        await self.until(look)

    async def presented(self):
        """Return what a program presents that has just got a leaf: the leaf, then its chain."""
        return parsed_chain((await self.sign()).pem)

    def _signed(self, csr):
        asked = x509.load_pem_x509_csr(csr.encode())
        return self.corporation.signed(asked, now=self.clock.now(), path_length=2)


class Verifiers:
    """Those who verify a chain: OpenSSL as strict as it gets, and our own walk."""

    def __init__(self, folder, clock):
        self._folder = folder
        self._clock = clock

    def refusal(self, chain, anchors):
        """Return why somebody with these anchors refuses a chain, or ''; both must agree."""
        ours = trusted_path(chain, anchors, now=self._clock.now())
        theirs = self._openssl(chain, anchors)
        assert (ours is None) == bool(theirs), (ours, theirs)
        return theirs

    def _openssl(self, chain, anchors):
        leaf = write(self._folder / "leaf.pem", pem_chain(chain[:1]))
        above = write(self._folder / "above.pem", pem_chain(chain[1:]))
        known = write(self._folder / "anchors.pem", pem_chain(anchors))
        options = ["-x509_strict", "-partial_chain", "-purpose", "sslserver", "-no-CApath"]
        moment = ["-attime", str(int(self._clock.now().timestamp()))]
        code, said = openssl(
            "verify", *options, *moment, "-CAfile", known, "-untrusted", above, leaf
        )
        return said if code else ""


def prints(certificates):
    """Return fingerprints."""
    return [fingerprint(one) for one in certificates]
