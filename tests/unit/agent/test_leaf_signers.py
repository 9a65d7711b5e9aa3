"""Which leaves are renewed when who signs changes, where a key id does not tell signers apart."""

from datetime import timedelta
from ipaddress import ip_address

from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.leafrecord import leaf_name
from ca_core.agent.signing import Signer, Signing, signer_of, signing_of
from ca_core.contract.issuing import KeyPair, issue_intermediate
from ca_core.identity.certificates import fingerprint
from ca_core.testing.clock import START
from tests.unit.agent.fakes import TRUST_DOMAIN, Authority, passed, settle
from tests.unit.agent.leafhouse import ANYONE, leaf_of, ran

HALF_A_MINUTE = timedelta(seconds=30)


def certified(authority, key, now):
    """Let an authority sign by a certificate of its own for somebody's signing key."""
    certificate = issue_intermediate(
        authority.root,
        key.public_key(),
        trust_domain=TRUST_DOMAIN,
        label="again",
        now=now,
        ttl=timedelta(days=300),
    )
    authority.signer = KeyPair(certificate, key)


def test_a_new_root_over_the_same_signing_key_renews_leaves_once():
    """Two signers with one key id: the leaf brings the certificate of the one that leaves."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        old = h.upstream.active
        h.upstream.authorities.append(Authority("b", h.clock.now()))
        certified(h.upstream.active, old.signer.key, h.clock.now())
        assert (
            h.upstream.active.wire(active=True).signing_key_id
            == old.wire(active=True).signing_key_id
        )
        h.upstream.changed(77)
        await settle()
        await passed(h.clock, HALF_A_MINUTE)
        second = await h.leaves.get(ANYONE, "web")
        assert second.index > first.index
        assert signed_by(second) == fingerprint(h.upstream.active.signer.certificate)
        await news(h)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_a_new_certificate_for_the_signing_key_of_one_root_renews_leaves_once():
    """The certificate that leaves bring ends before the one that took its place."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        certified(h.upstream.active, h.upstream.active.signer.key, h.clock.now())
        h.upstream.changed(77)
        await settle()
        await passed(h.clock, HALF_A_MINUTE)
        await news(h)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_a_root_that_does_not_tell_what_signs_causes_one_renewal_for_each_news_of_it():
    """Its leaves bring a certificate that is not among those announced: asked once, not again."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        real = h.upstream.active.wire
        h.upstream.active.wire = lambda *, active: real(active=False)
        h.upstream.changed(77)
        await settle()
        await passed(h.clock, HALF_A_MINUTE)
        await news(h)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_leaves_of_an_intermediate_do_not_churn():
    """Vault_doesNotChurn: the key id announced is the intermediate's, as the leaf's AKI is."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        await news(h)
        assert (await h.leaves.get(ANYONE, "web")).index == first.index
        assert len(h.upstream.signed) == 1

    ran(scenario)


async def news(h):
    """Let roots change often, in ways that do not concern the one that signs."""
    for index in range(100, 120):
        h.upstream.authorities.insert(0, Authority(f"old{index}", h.clock.now()))
        h.upstream.changed(index)
        await passed(h.clock, HALF_A_MINUTE)


def signed_by(answer):
    """Return the SHA-256 of the certificate that the leaf brings as its signer's."""
    chain = x509.load_pem_x509_certificates(answer.cert.cert_pem.encode())
    return fingerprint(chain[1])


KEY_IDS, PRINTS = st.sampled_from(["aa", "bb"]), st.sampled_from(["one", "two", "three"])


@given(KEY_IDS, PRINTS, KEY_IDS, st.frozensets(PRINTS))
def test_a_leaf_is_of_those_whose_key_and_certificate_it_has(key, print_, signs, announced):
    """Neither the one nor the other alone will do."""
    told = Signing(signs, announced, "mark")
    assert told.signed(Signer(key, print_)) == (key == signs and print_ in announced)


def test_the_signer_of_a_leaf_without_a_chain_is_an_anchor():
    """A root may sign leaves itself; of two with its key the newer one counts."""
    one, two = Authority("one", START), Authority("two", START)
    leaf = one.signer.certificate  # whatever the root signed
    anchors = (one.root.certificate, two.root.certificate)
    assert signer_of((leaf,), anchors).certificate == fingerprint(anchors[0])
    assert signer_of((leaf,), anchors[1:]).certificate == ""


def test_what_signs_is_named_by_its_key_and_certificates():
    """The mark is the same for the same answer, and another one for another signer."""
    one, two = Authority("one", START), Authority("two", START)
    same = signing_of(one.wire(active=True)), signing_of(one.wire(active=True))
    assert same[0] == same[1]
    assert same[0].mark != signing_of(two.wire(active=True)).mark
    assert fingerprint(one.signer.certificate) in same[0].certificates


NAMES = st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), max_size=5)
ADDRESSES = st.lists(st.sampled_from(["127.0.0.1", "127.0.0.2", "::1"]).map(ip_address), max_size=5)


@given(NAMES, ADDRESSES, st.randoms(use_true_random=False))
def test_the_set_of_names_is_the_key_and_not_how_it_was_written(names, addresses, random):
    """Order, repetition and case of names make no other leaf."""
    written = [random.choice([name, name.upper(), name.title()]) for name in names + names]
    turned = addresses + addresses
    random.shuffle(written)
    random.shuffle(turned)
    one = leaf_name(ANYONE, "web", tuple(names), tuple(addresses))
    assert one == leaf_name(ANYONE, "web", tuple(written), tuple(turned))
    assert set(one.dns_names) == set(names)
    assert set(one.ip_addresses) == set(addresses)


def test_names_in_another_order_or_case_are_answered_from_memory():
    """One leaf, one key, whatever a client's library makes of the list."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web", dns_names=("b.example", "a.example"))
        again = await h.leaves.get(ANYONE, "web", dns_names=("A.Example", "b.example"))
        assert again.hit
        assert leaf_of(again) == leaf_of(first)

    ran(scenario)
