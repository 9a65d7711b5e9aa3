"""A Vault or OpenBao server for benchmarks, and our provider on it with a signer prepared."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ca_provider_vault import ca_provider
from ca_provider_vault.naming import leaf_role, signer_object

from bench.primitives import csr_pem
from ca_core.clock import SystemClock
from ca_core.contract import (
    AuthorityRequest,
    KeySpec,
    LeafRequest,
    Provider,
    ProviderContext,
    SignerRequest,
)
from ca_core.contract.issuing import BACKDATE
from ca_core.identity.csr import check_csr, load_csr
from ca_core.testing.lending import TRUST_DOMAIN, provider_context
from tests.vaults.process import VaultProcess

MOUNT = "bench-intermediate"
SIGNER = "signer-1"
WEB = f"spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/web"
_LEAF_TTL = timedelta(hours=72)
_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Signing:
    """A provider that is ready to sign, and where its server listens.

    Attributes:
        provider: with its default configuration, but for address, token and mounts.
        context: of that provider.
        port: of loopback.
        token: of the server.
    """

    provider: Provider
    context: ProviderContext
    port: int
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        """Return where leaves are signed, without ``/v1/``."""
        authority = self.context.authority_id
        return f"{MOUNT}/issuer/{signer_object(authority, SIGNER)}/sign/{leaf_role(authority)}"

    def request(self) -> LeafRequest:
        """Return a request for a leaf, with a CSR of its own."""
        now = self.context.clock.now().replace(microsecond=0)
        checked = check_csr(load_csr(csr_pem(WEB)))
        return LeafRequest(
            request_id=uuid.uuid4().hex,
            deadline=now + _PATIENCE,
            csr=checked.csr,
            identity=checked.identity,
            not_before=now - BACKDATE,
            not_after=now + _LEAF_TTL,
            signer=SIGNER,
        )


@contextmanager
def signing_on(program: str) -> Iterator[Signing]:
    """Give a provider on a server of its own, which is gone when the block is left."""
    with tempfile.TemporaryDirectory() as folder:
        server = VaultProcess(program, Path(folder))
        try:
            server.start()
            server.initialise()
            signing = _opened(server)
            with closing(signing.provider):
                _prepare(signing)
                yield signing
        finally:
            server.stop()


def _opened(server: VaultProcess) -> Signing:
    context = provider_context(clock=SystemClock())
    raw = {
        "address": server.address,
        "token": server.token,
        "root_pki_path": "bench-root",
        "intermediate_pki_path": MOUNT,
    }
    return Signing(ca_provider().open(raw, context), context, server.port, server.token)


def _prepare(signing: Signing) -> None:
    """Make the authority and its signer."""
    context, key = signing.context, KeySpec()
    deadline = context.clock.now() + _PATIENCE
    authority = AuthorityRequest(
        request_id="authority",
        deadline=deadline,
        id=context.authority_id,
        key=key,
        ttl=timedelta(days=3650),
        trust_domain=context.trust_domain,
    )
    signing.provider.ensure_authority(authority)
    signer = SignerRequest(
        request_id="signer", deadline=deadline, id=SIGNER, key=key, ttl=timedelta(days=365)
    )
    signing.provider.prepare_signer(signer)
