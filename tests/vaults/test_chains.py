"""Chains from Vault in the eyes of those who verify them: OpenSSL, pyca, TLS and the guard.

Also where one half of a chain is from another provider: key identifiers made in two ways break
such chains in verifiers that compare them.
"""

import ssl
from dataclasses import dataclass

import pytest
from ca_provider_vault import ca_provider
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from ca_core.clock import SystemClock
from ca_core.contract import KeySpec, KeyType, Role, subject_key_id
from ca_core.contract.requests import InstallRequest
from ca_core.identity.certificates import authority_key_id, fingerprint, uri_sans
from ca_core.testing.conformance.handshaking import End, shake_hands
from tests.integration.test_svid_providers import guarded
from tests.integration.test_svid_pyca import pyca_policy
from tests.unit.providers.world import LEAF_KEY, WEB, World, openssl_verdict
from tests.vaults.subjects import Mounts

EC, RSA, ED25519 = KeySpec(), KeySpec(KeyType.RSA, 2048), KeySpec(KeyType.ED25519)
EC384 = KeySpec(KeyType.EC, 384)


@dataclass(frozen=True)
class Path:
    """A leaf, what a peer shows above it, and the one anchor that is trusted."""

    leaf: x509.Certificate
    between: tuple[x509.Certificate, ...]
    anchor: x509.Certificate

    @property
    def links(self) -> tuple[x509.Certificate, ...]:
        """Return all of it, leaf first."""
        return (self.leaf, *self.between, self.anchor)


class VaultWorld(World):
    """A cluster whose provider objects sign in mounts of a real Vault."""

    def __init__(self, mounts, **more):
        super().__init__("vault", clock=SystemClock(), **more)
        self.mounts = mounts

    def server(self, authority="a1", **config):
        """Return a new provider object, as a server makes one when it starts."""
        return ca_provider().open(self.mounts.config(**config), self.context(authority))


@pytest.fixture
def worlds(vault):
    """Return a function that makes a world: of Vault, or of the built-in provider."""
    opened = []

    def world(kind, role=Role.PRIMARY):
        if kind == "builtin":
            return World("builtin", role=role, clock=SystemClock())
        made = VaultWorld(Mounts(vault, made=True), role=role)
        server, plain = made.server, opened.append

        def remembered(*about, **config):
            found = server(*about, **config)
            plain(found)
            return found

        made.server = remembered
        return made

    yield world
    for each in opened:
        each.close()


def started(world, *, key=EC, authority="a1", signer="s1", **config):
    """Return a guarded server whose authority exists, and its signer."""
    provider = guarded(world.server(authority, **config), world, world.kind)
    world.ensure(provider, authority, key=key)
    return provider, world.prepare(provider, signer, key=key)


def path_of(world, provider, signer):
    """Return the path of a leaf of ``web`` up to the provider's own anchor."""
    leaf = world.sign(provider, signer.id)
    return Path(leaf, signer.chain[:-1], signer.chain[-1])


def assert_all_accept(path, folder, *, pyca=True):
    """Assert that OpenSSL, pyca and both ends of a TLS connection accept a path."""
    now = SystemClock().now()
    said = openssl_verdict(folder, path.leaf, path.between, path.anchor, at=now)
    assert said == ""
    assert uri_sans(path.leaf) == (str(WEB),)
    end = End((path.leaf, *path.between), LEAF_KEY)
    assert shake_hands(end, end, path.anchor) == (path.leaf, path.leaf)
    for lower, upper in zip(path.links, path.links[1:], strict=False):
        assert authority_key_id(lower) == subject_key_id(upper)
    if pyca:
        ends, cas = pyca_policy()
        builder = PolicyBuilder().store(Store([path.anchor])).time(now)
        builder = builder.extension_policies(ee_policy=ends, ca_policy=cas)
        verified = builder.build_client_verifier().verify(path.leaf, list(path.between))
        assert len(verified.chain) == len(path.links)


@pytest.mark.parametrize("key", [EC, EC384, RSA, ED25519], ids=str)
def test_a_chain_of_every_key_from_vault_alone_is_accepted(worlds, key, tmp_path):
    """Root, signer and leaf; pyca refuses Ed25519 from whomever it comes."""
    world = worlds("vault")
    path = path_of(world, *started(world, key=key))
    assert len(path.links) == 3
    assert_all_accept(path, tmp_path, pyca=key is not ED25519)


def test_a_chain_below_an_operators_root_is_accepted(worlds, tmp_path):
    """With an adopted root as anchor, whose names are not ours."""
    world = worlds("vault")
    made = started(world, root_issuer=world.mounts.adoptable())
    assert_all_accept(path_of(world, *made), tmp_path)


MIXED = [("vault", "builtin"), ("builtin", "vault")]


def named(value):
    """Return the name of a parameter: a provider's, or those of two keys."""
    return "-".join(map(str, value)) if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("above", "below", "keys"),
    [
        *((*pair, keys) for pair in MIXED for keys in ((EC, EC), (RSA, EC), (EC, RSA))),
        ("vault", "vault", (EC, EC)),
    ],
    ids=named,
)
def test_a_secondary_on_another_provider_is_accepted(worlds, above, below, keys, tmp_path):
    """The leaf's issuer has the key identifier that the primary gave it, and a name."""
    primary, secondary = worlds(above), worlds(below, Role.SECONDARY)
    root, _ = started(primary, key=keys[0])
    provider = guarded(secondary.server(), secondary, below)
    csr = secondary.call(provider.intermediate_csr, secondary.signer_request(key=keys[1]))
    signed = primary.call(root.sign_intermediate, primary.intermediate_request(csr))
    chain = (signed, *root.trust_chain().certificates)
    request = InstallRequest(**secondary.base(), id="s1", chain=chain)
    secondary.call(provider.install_intermediate, request)
    path = Path(secondary.sign(provider), chain[:-1], chain[-1])
    assert path.leaf.issuer.rdns
    assert_all_accept(path, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("vault", "builtin", (EC, EC)),
        ("vault", "builtin", (RSA, EC)),
        ("vault", "builtin", (EC, RSA)),
        ("builtin", "vault", (EC, EC)),
        ("builtin", "vault", (RSA, EC)),
        ("builtin", "vault", (EC, RSA)),
        ("vault", "vault", (EC, RSA)),
        ("vault", "builtin", (EC, ED25519)),
        ("builtin", "vault", (ED25519, EC)),
    ],
    ids=named,
)
def test_a_cross_signed_chain_is_accepted_under_either_root(worlds, old, new, keys, tmp_path):
    """During a swap, one leaf convinces those who hold the old anchor and those with the new."""
    before, after = worlds(old), worlds(new)
    ours, _ = started(before, key=keys[0])
    theirs, signer = started(after, key=keys[1], authority="a2", signer="s2")
    chain = theirs.trust_chain()
    csr = after.call(theirs.cross_sign_csr, after.csr_request())
    asked = before.cross_request(chain.primary, csr=csr, path_length=1)
    cross = before.call(ours.cross_sign, asked)
    way = (cross, *ours.trust_chain().certificates)
    held = frozenset({fingerprint(way[-1])})
    theirs.check_signer(signer, chain, (held,), crosses=(way,))
    path, pyca = path_of(after, theirs, signer), ED25519 not in keys
    assert_all_accept(path, tmp_path, pyca=pyca)
    under_old = Path(path.leaf, (*path.between, cross), way[-1])
    assert_all_accept(under_old, tmp_path, pyca=pyca)


def test_a_leaf_under_another_authority_is_accepted_by_nobody(worlds, tmp_path):
    """The same names under another root: the verifiers above do refuse."""
    world = worlds("vault")
    path = path_of(world, *started(world))
    other, _ = started(world, authority="a2", signer="s2")
    wrong = Path(path.leaf, path.between, other.trust_chain().primary)
    now = SystemClock().now()
    assert openssl_verdict(tmp_path, wrong.leaf, wrong.between, wrong.anchor, at=now)
    end = End((wrong.leaf, *wrong.between), LEAF_KEY)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(end, end, wrong.anchor)
    verifier = PolicyBuilder().store(Store([wrong.anchor])).time(now).build_client_verifier()
    with pytest.raises(VerificationError):
        verifier.verify(wrong.leaf, list(wrong.between))
