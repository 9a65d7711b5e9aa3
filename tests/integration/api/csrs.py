"""Certificate requests as attackers and broken programs write them."""

import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ADDRESS = ipaddress.ip_address("192.0.2.7")


def request(*names, key=None, ca=False, common_name=""):
    """Return a signed request with these alternative names."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    if ca:
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def uri(text):
    """Return a URI name."""
    return x509.UniformResourceIdentifier(text)


def pem(csr):
    """Return a request as PEM text."""
    return csr.public_bytes(Encoding.PEM).decode()


def with_foreign_signature(identity):
    """Return a request whose signature is another key's."""
    good, other = request(uri(identity)), request(uri(identity))
    der = bytearray(good.public_bytes(Encoding.DER))
    der[-8:] = other.public_bytes(Encoding.DER)[-8:]
    return pem(x509.load_der_x509_csr(bytes(der)))


def bad_requests(identity):
    """Yield (what is wrong, the text sent as CSR, a word that the answer must say)."""
    good = pem(request(uri(identity)))
    web = uri(identity)
    yield "empty", "", "PEM"
    yield "no PEM", "hello", "PEM"
    yield "DER", request(web).public_bytes(Encoding.DER).decode("latin-1"), "PEM"
    yield "truncated", good[: len(good) // 2], "csr"
    yield "a certificate", good.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "REQUEST"
    yield "foreign signature", with_foreign_signature(identity), "own key"
    yield "two URIs", pem(request(web, uri(identity + "2"))), "exactly one URI"
    yield "no name", pem(request()), "subject alternative name"
    yield "no URI", pem(request(x509.DNSName("web"))), "exactly one URI"
    yield "asks to be a CA", pem(request(web, ca=True)), "CA"
    yield "e-mail", pem(request(web, x509.RFC822Name("a@b.c"))), "RFC822Name"
    yield "weak key", pem(request(web, key=rsa.generate_private_key(65537, 1024))), "2048"
    yield "other scheme", pem(request(uri("https://example.org/web"))), "spiffe"
    yield "signing ID", pem(request(uri(identity.split("/ns/")[0]))), "signing ID"
    yield "too many names", pem(request(web, *(x509.DNSName(f"n{i}") for i in range(65)))), "64"
    yield "wildcard", pem(request(web, x509.DNSName("*.web"))), "*.web"
    yield "percent", pem(request(uri(identity.replace("svc/web", "svc/we%62")))), "percent"
    yield "other mesh", pem(request(uri("spiffe://x.y/ns/default/dc/dc1/svc/web"))), "trust domain"
    yield "other datacenter", pem(request(uri(identity.replace("dc1", "dc2")))), "datacenter"
