import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ca_core.identity.nameconstraints import constrained_names, name_fault
from tests.unit.identity.chains import Link, chain

URI, DNS, IP, DN = (
    x509.UniformResourceIdentifier,
    x509.DNSName,
    x509.IPAddress,
    x509.DirectoryName,
)


def dn(*parts: str) -> x509.DirectoryName:
    """Return a directory name of organization, then units."""
    oids = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
    pairs = zip(oids, parts, strict=False)
    return DN(x509.Name([x509.NameAttribute(oid, part) for oid, part in pairs]))


def address(text: str) -> x509.IPAddress:
    """Return one address."""
    return IP(ipaddress.ip_address(text))


def network(text: str) -> x509.IPAddress:
    """Return a network."""
    return IP(ipaddress.ip_network(text))


WITHIN = [
    (URI("spiffe://a.example/x"), URI("a.example")),
    (URI("spiffe://b.a.example"), URI(".a.example")),
    (URI("spiffe://A.EXAMPLE"), URI("a.example")),
    (URI("https://user@a.example:8443/x"), URI("a.example")),
    (DNS("a.example"), DNS("a.example")),
    (DNS("b.a.example"), DNS("a.example")),
    (DNS("B.A.Example"), DNS("a.example")),
    (DNS("b.a.example"), DNS(".a.example")),
    (DNS("anything"), DNS("")),
    (address("10.1.2.3"), network("10.0.0.0/8")),
    (address("fd00::1"), network("fd00::/16")),
    (dn("org", "unit"), dn("org")),
    (dn("org"), dn("org")),
]
OUTSIDE = [
    (URI("spiffe://b.a.example"), URI("a.example")),
    (URI("spiffe://a.example"), URI(".a.example")),
    (URI("spiffe://b.example/a.example"), URI("a.example")),
    (URI("urn:a.example"), URI("a.example")),
    (DNS("ba.example"), DNS("a.example")),
    (DNS("example"), DNS("a.example")),
    (DNS("a.example"), DNS(".a.example")),
    (address("11.1.2.3"), network("10.0.0.0/8")),
    (address("::1"), network("10.0.0.0/8")),
    (dn("other", "unit"), dn("org")),
    (dn("org"), dn("org", "unit")),
]


@pytest.mark.parametrize(("name", "base"), WITHIN, ids=repr)
def test_a_name_within_a_subtree_is_permitted_and_excluded_by_it(name, base):
    """The same reading for both kinds of subtree. Source: RFC 5280 §4.2.1.10."""
    assert name_fault(x509.NameConstraints([base], None), [name]) is None
    assert "exclude" in str(name_fault(x509.NameConstraints(None, [base]), [name]))


@pytest.mark.parametrize(("name", "base"), OUTSIDE, ids=repr)
def test_a_name_outside_a_subtree_is_neither(name, base):
    """Not permitted where only the subtree is; not excluded where only the subtree is."""
    assert "do not permit" in str(name_fault(x509.NameConstraints([base], None), [name]))
    assert name_fault(x509.NameConstraints(None, [base]), [name]) is None


def test_a_kind_of_name_without_subtrees_is_free():
    """Constraints on DNS names say nothing of URIs."""
    assert name_fault(x509.NameConstraints([DNS("a")], None), [URI("spiffe://b")]) is None


def test_an_excluded_subtree_wins_over_a_permitted_one():
    """``b.a.example`` may be cut out of ``a.example``."""
    limits = x509.NameConstraints([DNS("a.example")], [DNS("b.a.example")])
    assert name_fault(limits, [DNS("c.a.example")]) is None
    assert name_fault(limits, [DNS("x.b.a.example")]) is not None


def test_a_kind_nobody_evaluates_raises():
    """The caller treats what cannot be evaluated as a fault."""
    limits = x509.NameConstraints([x509.RFC822Name("example")], None)
    with pytest.raises(ValueError, match="RFC822Name"):
        name_fault(limits, [x509.RFC822Name("a@example")])


def test_constraints_apply_to_subject_and_alternative_names():
    """An empty subject is no name."""
    san = x509.SubjectAlternativeName([DNS("a")])
    (with_both,) = chain(Link(name="ca", extensions=[(san, False)]))
    (nameless,) = chain(Link(name=""))
    assert [type(name) for name in constrained_names(with_both)] == [DN, DNS]
    assert constrained_names(nameless) == ()


labels = st.from_regex(r"[a-z]{1,5}", fullmatch=True)


@given(st.lists(labels, min_size=1, max_size=4), st.lists(labels, min_size=1, max_size=4))
def test_host_names_are_compared_label_by_label(name: list[str], base: list[str]):
    """A host lies in a subtree exactly if its last labels are the subtree's."""
    limits = x509.NameConstraints([DNS(".".join(base))], None)
    found = name_fault(limits, [DNS(".".join(name))])
    assert (found is None) == (name[-len(base) :] == base)
