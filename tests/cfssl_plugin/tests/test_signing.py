"""What cfssl answers comes out as a leaf, or as an error that says who must act."""

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import pytest
from ca_provider_cfssl import ca_provider
from cfssl_server import installed, running
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.contract import (
    AuthorityRequest,
    ConfigError,
    KeySpec,
    LeafRequest,
    PermissionDeniedError,
    ProbeRequest,
    RequestError,
    ServiceId,
    SignerRequest,
)
from ca_core.testing import FakeClock, provider_context

pytestmark = pytest.mark.skipif(
    not installed(), reason="cfssl is not on this machine; `make system-deps` installs it"
)
KEY = "00112233445566778899aabbccddeeff"


class MachineClock(FakeClock):
    """The machine's time in place of one that stands still."""

    def now(self):
        """Return the wall-clock time."""
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a server that signs for whoever has the key."""
    with running(tmp_path_factory.mktemp("cfssl"), auth_key=KEY) as server:
        yield server


def asked(context, *, life=timedelta(hours=72)):
    """Return a request for a leaf with a DNS name, as the core makes it."""
    now = context.clock.now()
    identity = ServiceId(trust_domain=context.trust_domain, datacenter="dc1", service="web")
    names = [x509.UniformResourceIdentifier(str(identity)), x509.DNSName("web.local")]
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return LeafRequest(
        request_id="r3",
        deadline=now + timedelta(seconds=10),
        csr=csr,
        identity=identity,
        dns_names=("web.local",),
        not_before=now,
        not_after=now + life,
        signer="signer-1",
    )


@pytest.fixture
def context():
    """Return what the core lends, with the machine's time: cfssl has no other."""
    return provider_context(clock=MachineClock())


@pytest.fixture
def opened(context):
    """Return a function: settings → a provider whose authority and signer are made."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(closing(made(context, settings)))


def made(context, settings):
    """Return a provider whose authority and signer are made."""
    provider = ca_provider().open(settings, context)
    common = {"request_id": "r", "deadline": context.clock.now() + timedelta(seconds=10)}
    provider.ensure_authority(
        AuthorityRequest(
            **common,
            id=context.authority_id,
            key=KeySpec(),
            ttl=timedelta(days=1),
            trust_domain=context.trust_domain,
        )
    )
    provider.prepare_signer(
        SignerRequest(**common, id="signer-1", key=KeySpec(), ttl=timedelta(days=1))
    )
    return provider


def sans(leaf):
    """Return the names of a leaf."""
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_the_identity_is_lost_and_the_dns_name_stays(server, context, opened):
    """Cfssl drops the URI of the CSR without a word, and keeps its DNS name."""
    leaf = opened(server.settings).sign_leaf(asked(context))
    assert list(sans(leaf)) == [x509.DNSName("web.local")]


def test_the_longest_profile_that_fits_is_used(server, context, opened):
    """A life cannot be asked for; of 2 h, 50 min and more the one below 100 min is 50 min."""
    leaf = opened(server.settings).sign_leaf(asked(context, life=timedelta(minutes=100)))
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(minutes=50)


def test_a_life_below_every_profile_is_refused(server, context, opened):
    """A leaf that outlives what was asked is never requested."""
    with pytest.raises(RequestError, match="longer than was asked"):
        opened(server.settings).sign_leaf(asked(context, life=timedelta(minutes=50)))


def test_a_wrong_auth_key_is_the_operators_to_mend(server, context, opened):
    """Cfssl says 400 to it, as it does to everything."""
    provider = opened({**server.settings, "auth_key": "00"})
    with pytest.raises(PermissionDeniedError, match="invalid token"):
        provider.sign_leaf(asked(context))


def test_a_missing_auth_key_is_the_operators_to_mend(server, context, opened):
    """Where profiles have a key, `sign` is not offered."""
    settings = {name: value for name, value in server.settings.items() if name != "auth_key"}
    with pytest.raises(PermissionDeniedError, match="does not offer sign"):
        opened(settings).sign_leaf(asked(context))


def test_a_probe_says_what_cfssl_cannot_do(server, context, opened):
    """An operator learns it before the first leaf is refused."""
    provider = opened(server.settings)
    found = provider.probe(
        ProbeRequest(request_id="r", deadline=context.clock.now() + timedelta(seconds=1))
    )
    assert found.exists
    assert any("no URI" in note for note in found.notes)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("address", "http://cfssl.example.org:8888"),
        ("address", "cfssl.example.org"),
        ("profiles", {}),
        ("auth_key", "secret"),
        ("timeout", "0s"),
    ],
)
def test_a_setting_that_will_not_do_is_named(server, key, value):
    """The error names the key, and shows no secret."""
    with pytest.raises(ConfigError, match=rf"ca\.config\.{key}") as refused:
        ca_provider().parse_config({**server.settings, key: value})
    assert "secret" not in str(refused.value)
