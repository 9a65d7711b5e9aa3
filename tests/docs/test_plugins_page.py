"""``plugins.md`` is true: its reference is the contract's, and its provider works as printed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ca_core.contract import (
    AuthorityRequest,
    AuthorityRetiredError,
    Capability,
    CapabilityUnsupportedError,
    KeySpec,
    LeafRequest,
    RetireRequest,
    ServiceId,
    SignerRequest,
    SignerUnknownError,
)
from ca_core.identity.certificates import uri_sans
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.identity.paths import path_faults
from ca_core.testing.lending import TRUST_DOMAIN, provider_context
from tests.docs.printed import module_of, tutorial_source

EXAMPLE = tutorial_source()
WEB = ServiceId(trust_domain=TRUST_DOMAIN, namespace="default", datacenter="dc1", service="web")


@pytest.fixture(scope="module")
def printed():
    """Return the module printed in the page."""
    return module_of(EXAMPLE, "ca_provider_example")


@pytest.fixture
def context():
    """Return what the core would lend."""
    return provider_context()


@pytest.fixture
def provider(printed, context):
    """Return the printed provider, opened the way the core opens it."""
    return printed.ca_provider().open({}, context)


def call(context):
    """Return what every request carries."""
    return {"request_id": "r1", "deadline": context.clock.now() + timedelta(seconds=30)}


def authority(context):
    """Return the request that makes the authority."""
    return AuthorityRequest(
        **call(context),
        id=context.authority_id,
        key=KeySpec(),
        ttl=timedelta(days=3650),
        trust_domain=context.trust_domain,
    )


def signer(context):
    """Return the request that makes its signer."""
    return SignerRequest(**call(context), id="signer-1", key=KeySpec(), ttl=timedelta(days=365))


def leaf(context, name="signer-1"):
    """Return a request for a leaf of ``web`` under the named signer."""
    now = context.clock.now()
    return LeafRequest(
        **call(context),
        csr=leaf_csr(new_leaf_key(), WEB),
        identity=WEB,
        not_before=now - timedelta(seconds=60),
        not_after=now + timedelta(hours=72),
        signer=name,
    )


def test_a_complete_provider_stays_under_sixty_lines_of_code():
    """The promise of the page: blank lines and documentation aside, it is short."""
    code = [line for line in EXAMPLE.splitlines() if line.strip() and '"""' not in line]
    assert len(code) < 60


def test_the_printed_provider_signs_what_verifies(provider, context):
    """Root, signer and leaf form a sound path with exactly the identity asked for."""
    chain = provider.ensure_authority(authority(context))
    made = provider.prepare_signer(signer(context))
    signed = provider.sign_leaf(leaf(context))
    signed.verify_directly_issued_by(made.certificate)
    assert made.chain[-1] == chain.primary
    assert path_faults(made.chain, now=context.clock.now()) == ()
    assert uri_sans(signed) == (str(WEB),)


def test_two_servers_with_the_printed_provider_make_one_authority(printed, context):
    """The loser of the race returns the winner's root and signer."""

    def server(_):
        lent = provider_context(state=context.state, secrets=context.secrets, clock=context.clock)
        mine = printed.ca_provider().open({}, lent)
        return mine.ensure_authority(authority(context)), mine.prepare_signer(signer(context))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(server, range(4)))
    assert len({chain.primary for chain, _ in answers}) == 1
    assert len({made.certificate for _, made in answers}) == 1


def test_the_printed_provider_refuses_what_it_does_not_know(provider, context):
    """An unknown signer, a retired authority and an undeclared capability have their errors."""
    provider.ensure_authority(authority(context))
    with pytest.raises(SignerUnknownError):
        provider.sign_leaf(leaf(context, name="nobody"))
    with pytest.raises(CapabilityUnsupportedError) as refused:
        provider.crl(None)
    assert refused.value.capability == Capability.REVOKE
    provider.retire(RetireRequest(**call(context)))
    with pytest.raises(AuthorityRetiredError):
        provider.ensure_authority(authority(context))
