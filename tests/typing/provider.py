"""What a type checker must say to the author of a provider; checked by ``make types``, never run.

Each ``type: ignore`` names the error that mypy must report, each ``pyright: ignore`` the one that
pyright must report; both refuse a comment that is not needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, assert_type

from cryptography import x509

from ca_core.contract import (
    AuthorityRequest,
    Capability,
    LeafRequest,
    Provider,
    ProviderContext,
    ProviderPlugin,
    RetireRequest,
    Signer,
    SignerRequest,
    TrustChain,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """A provider's own configuration."""

    address: str


class Complete(Provider):
    """Four methods are enough."""

    capabilities = frozenset({Capability.TEMPLATE})

    def __init__(self, settings: Settings, context: ProviderContext) -> None:
        self.settings = settings
        self.context = context

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make it."""
        assert_type(request.pending, str | None)
        return self.trust_chain()

    def trust_chain(self) -> TrustChain:
        """Read it."""
        return TrustChain(())

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make it."""
        return Signer(request.id, self.trust_chain().certificates)

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Sign it."""
        assert_type(request.csr, x509.CertificateSigningRequest)
        return self.trust_chain().primary


class OneMissing(Provider):
    """Three methods are not enough."""

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make it."""
        return TrustChain(())

    def trust_chain(self) -> TrustChain:
        """Read it."""
        return TrustChain(())

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make it."""
        return Signer(request.id, ())


class Mistaken(Complete):
    """Wrong shapes are found before anything runs."""

    def sign_leaf(self, request: LeafRequest) -> str:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        """Return PEM, though certificates are x509 objects."""
        return "-----BEGIN CERTIFICATE-----"

    def retire(self, authority: str) -> None:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        """Take a name, though requests are objects."""


def parse(raw: Mapping[str, Any]) -> Settings:
    """Parse once."""
    return Settings(str(raw["address"]))


DESCRIPTOR = ProviderPlugin(parse_config=parse, create=Complete)
assert_type(DESCRIPTOR, ProviderPlugin[Settings])


def create_from_mapping(raw: Mapping[str, Any], context: ProviderContext) -> Provider:
    """Expect the raw mapping where the parsed configuration comes."""
    return Complete(parse(raw), context)


ProviderPlugin[Settings](parse_config=parse, create=create_from_mapping)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
OneMissing()  # type: ignore[abstract] # pyright: ignore[reportAbstractUsage]


def frozen(request: RetireRequest) -> RetireRequest:
    """Values are replaced, never changed."""
    request.request_id = "other"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    return replace(request, deadline=datetime.now(UTC))
