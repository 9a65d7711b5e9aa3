"""CSRs as OpenSSL makes them, strange ones included, and what becomes of them."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from ca_core.contract.issuing import issue_leaf
from ca_core.errors import RequestError
from ca_core.identity.csr import CheckedCsr, check_csr, load_csr
from tests.integration.svid import WEB, authority, openssl, openssl_faults, request_for, write
from tests.integration.test_svid_profile import CA_KEYS, assert_extensions

CONFIG = """
[req]
prompt = no
utf8 = yes
distinguished_name = dn
req_extensions = ext
string_mask = {mask}
[dn]
{subject}
[ext]
subjectAltName = {critical}@names
{more}
[names]
URI.1 = {uri}
{names}
"""
NEW_KEY = {
    "P-256": ("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
    "P-384": ("ecparam", "-name", "secp384r1", "-genkey", "-noout"),
    "RSA-2048": ("genrsa", "2048"),
    "Ed25519": ("genpkey", "-algorithm", "ed25519"),
    "RSA-1024": ("genrsa", "1024"),
    "RSA-2048 e=3": ("genrsa", "-3", "2048"),
    "P-224": ("ecparam", "-name", "secp224r1", "-genkey", "-noout"),
    "secp256k1": ("ecparam", "-name", "secp256k1", "-genkey", "-noout"),
    "brainpool": ("ecparam", "-name", "brainpoolP256r1", "-genkey", "-noout"),
    "DSA": ("dsaparam", "-genkey", "1024"),
    "Ed448": ("genpkey", "-algorithm", "ed448"),
}


def made(  # noqa: PLR0913 - the parts of an OpenSSL configuration
    folder: Path,
    *options: str,
    key: str = "P-256",
    subject: str = "CN = web",
    names: str = "",
    more: str = "",
    critical: str = "",
    mask: str = "utf8only",
    uri: str = str(WEB),
) -> str:
    """Return the PEM that ``openssl req -new`` makes."""
    text = CONFIG.format(
        mask=mask, subject=subject, critical=critical, more=more, uri=uri, names=names
    )
    config = write(folder / "req.cnf", text)
    command, *rest = NEW_KEY[key]
    code, said = openssl(command, "-out", folder / "key.pem", *rest)
    assert code == 0, said
    code, said = openssl(
        *("req", "-new", "-config", config, "-key", folder / "key.pem", *options),
        *("-out", folder / "csr.pem"),
    )
    assert code == 0, said
    return (folder / "csr.pem").read_text()


def checked(pem: str) -> CheckedCsr:
    """Return what the rim makes of a PEM."""
    return check_csr(load_csr(pem))


FROM_GO = """\
-----BEGIN CERTIFICATE REQUEST-----
MIIBFjCBvAIBADAOMQwwCgYDVQQDEwN3ZWIwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAQnm6gRFir4oJIRWiknyYLK+AFdBCmrvcv3NzitZq8eCCsd+2ES6uFcL9qi
6AMQKQIeFiVkRu7mLmpenH41hsjcoEwwSgYJKoZIhvcNAQkOMT0wOzA5BgNVHREE
MjAwhi5zcGlmZmU6Ly8xMjM0LmNvbnN1bC9ucy9kZWZhdWx0L2RjL2RjMS9zdmMv
d2ViMAoGCCqGSM49BAMCA0kAMEYCIQCABMzZAVq/z0XyaNkB8U88r12T23EKnndn
UwR8HAHzFQIhAMWSrLC1o2RjyuxI6A4ix8XfthC7dhLatTJeEKnEAC4b
-----END CERTIFICATE REQUEST-----
"""


def test_a_csr_as_go_makes_it_is_read_over():
    """``x509.CreateCertificateRequest`` of Go 1.26: a CN, and a SAN that is not critical."""
    found = checked(FROM_GO)
    assert str(found.identity) == "spiffe://1234.consul/ns/default/dc/dc1/svc/web"
    assert not found.plain


@pytest.mark.parametrize("key", ["P-256", "P-384", "RSA-2048", "Ed25519"])
def test_an_openssl_csr_becomes_an_svid(key: str, tmp_path: Path):
    """A CN and a SAN that is not critical are read over; neither reaches the leaf."""
    found = checked(made(tmp_path, key=key, names="DNS.1 = web.local\nIP.1 = 10.0.0.1"))
    assert (found.identity, found.dns_names, found.plain) == (WEB, ("web.local",), False)
    made_by = authority(CA_KEYS[0])
    request = replace(
        request_for(made_by.signer.key, dns_names=found.dns_names, ip_addresses=found.ip_addresses),
        csr=found.csr,
    )
    leaf = issue_leaf(made_by.signer, request)
    assert leaf.subject == x509.Name([])
    assert_extensions(leaf, request)
    assert not openssl_faults(tmp_path, leaf, made_by.between, made_by.anchor.certificate)


@pytest.mark.parametrize(
    "how",
    [
        {"mask": "MASK:0x800", "subject": "CN = wéb"},
        {"more": "keyUsage = critical, digitalSignature"},
        {"more": "basicConstraints = CA:FALSE"},
        {"critical": "critical, "},
        {"key": "RSA-2048", "options": ("-sigopt", "rsa_padding_mode:pss")},
        {"options": ("-text",)},
        {"options": ("-newhdr",)},
    ],
    ids=["BMPString", "key usage", "basic constraints", "critical", "PSS", "text", "old header"],
)
def test_the_habits_of_tools_are_read_over(how, tmp_path: Path):
    """BMPString subjects, harmless extensions, PSS signatures, words around the block."""
    rest = {name: value for name, value in how.items() if name != "options"}
    assert checked(made(tmp_path, *how.get("options", ()), **rest)).identity == WEB


WEAK = ["RSA-1024", "RSA-2048 e=3", "P-224", "secp256k1", "brainpool", "Ed448", "DSA"]


@pytest.mark.parametrize("key", WEAK)
def test_weak_and_strange_keys_are_refused(key: str, tmp_path: Path):
    """Whatever OpenSSL can make, only strong and common keys become leaves."""
    with pytest.raises(RequestError, match=r"csr\.key: key must be"):
        checked(made(tmp_path, key=key))


@pytest.mark.parametrize("digest", ["-sha1", "-md5"])
def test_a_broken_hash_is_refused(digest: str, tmp_path: Path):
    """MD5 and SHA-1 prove nothing."""
    with pytest.raises(RequestError, match=r"csr\.signature"):
        checked(made(tmp_path, digest, key="RSA-2048"))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"names": "otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@example"}, "not OtherName"),
        ({"names": "RID.1 = 1.2.3.4"}, "not RegisteredID"),
        ({"names": "dirName.1 = dn"}, "not DirectoryName"),
        ({"names": "email.1 = a@b.example"}, "not RFC822Name"),
        ({"names": "DNS.1 = wéb.local"}, "is not a host name|unreadable"),
        ({"names": "DNS.1 = *.local"}, "is not a host name"),
        ({"names": "URI.2 = spiffe://x/ns/d/dc/d/svc/s"}, "exactly one URI"),
        ({"uri": "https://web"}, "scheme"),
        ({"more": "basicConstraints = CA:TRUE"}, "asks to be a CA"),
        ({"more": "keyUsage = keyCertSign"}, "the right to sign"),
        ({"more": "1.2.3.4 = DER:0500\nnameConstraints = DER:0500"}, "unreadable extensions"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_asks_for_too_much_is_refused(how, reason: str, tmp_path: Path):
    """Each by its own reason, the encoding being OpenSSL's."""
    with pytest.raises(RequestError, match=reason):
        checked(made(tmp_path, **how))
