"""From a connection to a principal, and what web pages may not do."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.acl.principal import Anonymous, Node, Peer
from ca_core.api.authentication import Link, header_map, hosts_of, principal_of, refuse_rebinding
from ca_core.errors import DeniedError, RequestError
from ca_core.identity.certificates import spki_digest
from ca_core.identity.spiffe import AgentId, TrustDomain

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MESH = TrustDomain("mesh.consul")
AGENT = AgentId(trust_domain=MESH, datacenter="dc1", node="n1")
KEY = ec.generate_private_key(ec.SECP256R1())


def leaf(*names, ends=NOW + timedelta(hours=1)):
    """Return the DER of a certificate with these alternative names."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(ends)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def uri(identity):
    """Return a URI name."""
    return x509.UniformResourceIdentifier(str(identity))


class TestPrincipals:
    """Who is at the other end."""

    def test_a_unix_peer_is_the_kernels_word(self):
        """uid, gid and pid come from the socket, whatever else the link says."""
        link = Link(peer=(1000, 100, 42), certificate=leaf(uri(AGENT)))
        assert principal_of(link, MESH, NOW) == Peer(uid=1000, gid=100, pid=42)

    def test_tcp_is_anonymous(self):
        """On loopback it is at least this machine; over TLS without a certificate it is anybody."""
        assert principal_of(Link(hosts=frozenset()), MESH, NOW) == Anonymous(loopback=True)
        assert principal_of(Link(), MESH, NOW) == Anonymous(loopback=False)

    def test_a_certificate_is_a_node_with_its_key(self):
        """The SPIFFE ID and the digest of the key become the principal."""
        found = principal_of(Link(certificate=leaf(uri(AGENT))), MESH, NOW)
        assert found == Node(identity=AGENT, key_digest=spki_digest(KEY.public_key()))

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ((), "exactly one"),
            ((x509.DNSName("n1"),), "exactly one"),
            ((uri(AGENT), uri(AGENT)), "exactly one"),
            ((uri("https://mesh.consul/agent"),), "no SPIFFE ID"),
            ((uri("spiffe://mesh.consul/what/ever"),), "no SPIFFE ID"),
            ((uri("spiffe://other.consul/agent/client/dc/dc1/id/n1"),), "another trust domain"),
        ],
    )
    def test_a_certificate_without_one_id_of_ours_is_denied(self, names, said):
        """None, several, or another mesh's: denied, never taken for somebody else."""
        with pytest.raises(DeniedError, match=said):
            principal_of(Link(certificate=leaf(*names)), MESH, NOW)

    def test_before_the_trust_domain_is_known_no_certificate_counts(self):
        """A server that has not read its own name believes nobody."""
        with pytest.raises(DeniedError, match="trust domain"):
            principal_of(Link(certificate=leaf(uri(AGENT))), None, NOW)

    def test_a_certificate_ends_in_the_middle_of_a_connection(self):
        """TLS looks once; every request looks again."""
        link = Link(certificate=leaf(uri(AGENT), ends=NOW))
        assert isinstance(principal_of(link, MESH, NOW), Node)
        with pytest.raises(DeniedError, match="expired"):
            principal_of(link, MESH, NOW + timedelta(seconds=1))


class TestRebinding:
    """Requests that a web page made a browser send."""

    OURS = hosts_of("127.0.0.1", 8500)

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
    @pytest.mark.parametrize("port", ["", ":8500"])
    def test_loopback_names_are_ours(self, host, port):
        """With and without the port, in any case."""
        refuse_rebinding({"host": host + port}, self.OURS)

    @pytest.mark.parametrize(
        "host",
        [
            *("", "evil.example", "localhost:8501", "127.0.0.1.evil.example", "localhost."),
            *("127.0.0.2", "localhost:", " localhost", "user@localhost", "0.0.0.0:8500", "::1"),
        ],
    )
    def test_every_other_host_is_refused(self, host):
        """The refusal names the header."""
        with pytest.raises(RequestError, match="Host") as refusal:
            refuse_rebinding({"host": host}, self.OURS)
        assert refusal.value.field == "Host"

    def test_no_host_at_all_is_refused(self):
        """HTTP/1.0 without Host could be anything."""
        with pytest.raises(RequestError, match="Host"):
            refuse_rebinding({}, self.OURS)

    @pytest.mark.parametrize("hosts", [OURS, None])
    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://localhost:8500", ""]
    )
    def test_an_origin_is_refused_everywhere(self, hosts, origin):
        """Also over TLS and unix sockets, and also our own: no client of ours is a web page."""
        with pytest.raises(RequestError, match="Origin"):
            refuse_rebinding({"host": "localhost", "origin": origin}, hosts)

    def test_tls_and_unix_sockets_have_any_host(self):
        """No browser reaches them by rebinding."""
        refuse_rebinding({"host": "ca.example:8501"}, None)

    def test_an_address_that_is_listened_on_is_ours(self):
        """The listener's own address counts, IPv6 in brackets."""
        assert "127.0.0.9:1" in hosts_of("127.0.0.9", 1)
        assert "[::1]:1" in hosts_of("::1", 1)

    def test_a_header_sent_twice_counts_last(self):
        """Names are lower case, whatever was sent."""
        assert header_map([(b"Host", b"a"), (b"HOST", b"b\xe9")]) == {"host": "bé"}
