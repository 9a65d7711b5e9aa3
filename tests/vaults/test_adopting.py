"""A root that the operator made in Vault: taken as it is, given back as it was."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import ROOT, ConfigError, KeySpec, generate_key, issue_root
from ca_core.testing.lending import TRUST_DOMAIN
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject


@pytest.fixture
def mounts(vault):
    """Return two mounts that the operator has made."""
    return Mounts(vault, made=True)


def adopted(mounts, issuer):
    """Give an arena whose provider adopts ``issuer``."""
    return arena_of(subject(mounts, root_issuer=issuer, manage_mounts=False))


def issuers(mounts):
    """Return the ids of the issuers in the root mount."""
    return sorted(mounts.listed(mounts.root, "issuers"))


@pytest.mark.parametrize("named", ["by name", "as the default"])
def test_an_existing_root_signs_signers(mounts, named):
    """By its name or as the mount's default, the operator's root is the authority."""
    name = mounts.adoptable()
    with adopted(mounts, name if named == "by name" else "default") as arena:
        mesh = arena.mesh()
        assert mesh.provider.trust_chain().adopted
        assert name in mesh.provider.trust_chain().primary.subject.rfc4514_string()
        assert mesh.leaf()


def test_retirement_leaves_the_operators_root(mounts):
    """What was there before the authority is there after it."""
    name = mounts.adoptable()
    before = issuers(mounts)
    with adopted(mounts, name) as arena:
        mesh = arena.mesh()
        mesh.retire()
    assert issuers(mounts) == before
    assert not mounts.listed(mounts.intermediate, "keys")


def test_what_was_never_adopted_is_retired_without_the_right_to_delete_roots(mounts):
    """A server that died before it adopted leaves an authority that has no root of its own."""
    issuer = mounts.issuer_id(mounts.adoptable())
    token = token_with(mounts, [line.replace("ISSUER", issuer) for line in lines_of("adopted")])
    with arena_of(subject(mounts, root_issuer=issuer, manage_mounts=False, token=token)) as arena:
        mesh = arena.unmade()
        mesh.provider.kept.claim(ROOT, KeySpec())
        mesh.retire()


def test_another_default_later_changes_nothing(mounts):
    """The authority stays with the issuer that it began with, whatever the mount prefers now."""
    mounts.adoptable()
    with adopted(mounts, "default") as arena:
        mesh = arena.mesh()
        before = mesh.provider.trust_chain()
        other = mounts.adoptable()
        mounts.call("POST", f"{mounts.root}/config/issuers", {"default": other})
        fresh = mesh.another()
        assert fresh.ensure() == before
        assert fresh.prepare().certificate.issuer == before.primary.subject


def test_an_issuer_that_is_not_there_is_the_operators_error(mounts):
    """A wrong name is told by its key in the configuration."""
    with adopted(mounts, "nobody") as arena, pytest.raises(ConfigError, match="root_issuer"):
        arena.unmade().ensure()


def test_an_issuer_without_a_key_cannot_be_adopted(mounts):
    """A certificate alone signs nothing; that is said before anything is made."""
    with adopted(mounts, "foreign") as arena:
        root = issue_root(
            generate_key(KeySpec()),
            trust_domain=TRUST_DOMAIN,
            label="foreign",
            now=arena.tempo.clock.now().replace(microsecond=0),
            ttl=arena.tempo.deadline() - arena.tempo.clock.now(),
        )
        pem = root.public_bytes(Encoding.PEM).decode()
        bundle = {"pem_bundle": pem}
        made = mounts.call("POST", f"{mounts.root}/issuers/import/cert", bundle)["data"]
        (issuer,) = made["imported_issuers"]
        mounts.call("POST", f"{mounts.root}/issuer/{issuer}", {"issuer_name": "foreign"})
        with pytest.raises(ConfigError, match="no key"):
            arena.unmade().ensure()
