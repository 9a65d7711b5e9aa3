"""An honest provider whose CAs live in a service that is reached by HTTP."""

from datetime import timedelta
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    Findings,
    Health,
    NotReadyError,
    ProbeRequest,
    Provider,
    ProviderError,
    ProviderPlugin,
    RequestError,
    Signer,
    SignerUnknownError,
    TrustChain,
    json_schema,
    parse_struct,
    positive_life,
    signer_name,
)
from tests.conformance.remote.client import Client, GoneError

READ_TIME = timedelta(seconds=10)


class RemoteConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where the service is."""

    address: Annotated[str, msgspec.Meta(description="URL of the service")]


class RemoteProvider(Provider):
    """Keeps nothing: every id is a unique name of the backend."""

    capabilities = frozenset({Capability.TEMPLATE})
    concurrency = 4

    def __init__(self, config, context):
        self.context = context
        self.client = self.connected(config, context)
        self.own = ("authorities", context.authority_id)

    def connected(self, config, context):
        """Return the client."""
        return Client(config.address, context.clock)

    def probe(self, request):
        """Ask whether the authority exists."""
        try:
            self.ask(request, "GET", *self.own)
        except NotReadyError:
            return Findings(exists=False)
        return Findings(exists=True)

    def ensure_authority(self, request):
        """Make or return the authority; its id is the backend's name for it."""
        if request.id != self.context.authority_id:
            raise RequestError("this object serves another authority", field="id")
        answer = self.ask(request, "PUT", *self.own, body=self.ca(request, request.id))
        return TrustChain(self.client.certificates(answer, "chain"))

    def trust_chain(self):
        """Read its chain."""
        deadline = self.context.clock.now() + READ_TIME
        answer = self.ask(ProbeRequest(request_id="", deadline=deadline), "GET", *self.own)
        return TrustChain(self.client.certificates(answer, "chain"))

    def prepare_signer(self, request):
        """Make or return a signer."""
        signer_name(request.id)  # refuses what is no id
        body = self.ca(request, request.id)
        answer = self.ask(request, "PUT", *self.own, "signers", request.id, body=body)
        return Signer(request.id, self.client.certificates(answer, "chain"))

    def sign_leaf(self, request):
        """Have the named signer sign."""
        try:
            signer_name(request.signer)
            path = (*self.own, "signers", request.signer, "leaves")
            answer = self.ask(request, "POST", *path, body=leaf_of(request))
        except NotReadyError:
            raise SignerUnknownError(request.signer) from None
        (leaf,) = self.client.certificates(answer, "certificate")[:1]
        return leaf

    def retire_signer(self, request):
        """Remove that signer."""
        signer_name(request.id)
        self.ask(request, "DELETE", *self.own, "signers", request.id)

    def retire(self, request):
        """Remove the authority."""
        self.ask(request, "DELETE", *self.own)

    def health(self, *, deep=False):
        """Ask the backend only if told to."""
        if not deep:
            return Health(ok=True)
        try:
            self.trust_chain()
        except NotReadyError:
            return Health(ok=True, message="no authority yet")
        except ProviderError as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True)

    def ask(self, request, method, *path, body=None):
        """Ask the backend, in the name of this authority."""
        try:
            return self.client.ask(request, method, *path, body=body)
        except GoneError:
            raise AuthorityRetiredError(self.context.authority_id) from None

    def ca(self, request, label):
        """Return what the backend needs to make a CA."""
        return {
            "label": label,
            "key_type": request.key.type.value,
            "key_bits": request.key.bits,
            "ttl": positive_life(request.ttl).total_seconds(),
            "trust_domain": str(self.context.trust_domain),
        }


def leaf_of(request):
    """Return what the backend needs to sign a leaf."""
    return {
        "csr": request.csr.public_bytes(Encoding.PEM).decode(),
        "identity": str(request.identity),
        "dns_names": list(request.dns_names),
        "ip_addresses": [str(address) for address in request.ip_addresses],
        "not_before": request.not_before.isoformat(),
        "not_after": request.not_after.isoformat(),
    }


def plugin_of(kind=RemoteProvider):
    """Return a descriptor whose providers are of ``kind``."""
    return ProviderPlugin(
        parse_config=lambda raw: parse_struct(RemoteConfig, raw, where="ca.config"),
        create=kind,
        description=f"behind HTTP, and {kind.__name__}",
        capabilities=kind.capabilities,
        schema=json_schema(RemoteConfig),
    )
