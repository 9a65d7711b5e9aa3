"""Authorities and corporate CAs made directly, with keys that are generated once per run."""

from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from ca_core.contract import (
    KeyPair,
    KeySpec,
    generate_key,
    issue_root,
    key_bytes,
    new_serial,
    pem_chain,
    signature_hash,
    spki_der,
    subject_key_id,
)
from ca_core.testing.clock import START
from ca_core.testing.lending import TRUST_DOMAIN

NOW = START
URI = x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}")
CA_USAGE = {
    "digital_signature": False,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": True,
    "crl_sign": True,
    "encipher_only": False,
    "decipher_only": False,
}


@cache
def key_for(spec, owner=""):
    """Return the key of ``spec`` for ``owner``; RSA keys are slow to make, so each is made once."""
    del owner  # part of the cache's key only
    return generate_key(spec)


def lend_key(world, key, authority="a1", name="root"):
    """Put a key that exists already where the built-in provider would have put a new one."""
    world.secrets.create(f"authority/{authority}/{name}", key_bytes(key))


@cache
def own_root(spec=None, *, ttl=timedelta(days=3650), trust_domain=TRUST_DOMAIN, now=NOW):
    """Return a self-signed primary CA of our profile."""
    key = key_for(spec or KeySpec())
    return KeyPair(
        issue_root(key, trust_domain=trust_domain, label="operator", now=now, ttl=ttl), key
    )


def corporate_ca(  # noqa: PLR0913 - every way in which a corporate CA can be wrong
    name,
    key,
    *,
    issuer=None,
    ca=True,
    path_length=None,
    sans=(),
    usage=(),
    begins=NOW - timedelta(days=1),
    ends=NOW + timedelta(days=1000),
):
    """Return a CA as a company's tools make it: by ``issuer``, or signed by itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else [])
    above = issuer.certificate if issuer else None
    signing = issuer.key if issuer else key
    ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(new_serial())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
        .add_extension(x509.KeyUsage(**CA_USAGE | dict(usage)), critical=True)
        .add_extension(ski, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier(subject_key_id(above) if above else ski.digest, None, None),
            critical=False,
        )
    )
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(sans)), critical=False)
    return KeyPair(builder.sign(signing, signature_hash(signing)), key)


def signed_by(issuer, csr, *, ends=NOW + timedelta(days=900), path_length=None, uri=URI):
    """Return what a corporate CA makes of a CSR: the subject as asked, one URI, its own life."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(csr.public_key())
        .serial_number(new_serial())
        .not_valid_before(NOW - timedelta(minutes=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.KeyUsage(**CA_USAGE), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier(subject_key_id(issuer.certificate), None, None),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    )
    return builder.sign(issuer.key, signature_hash(issuer.key))


def key_text(key, passphrase=None):
    """Return a private key as PEM text, encrypted if there is a passphrase."""
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def inline(*pairs):
    """Return the configuration that adopts the first CA, the others being its issuers."""
    chain = pem_chain([pair.certificate for pair in pairs])
    return {"root_cert": chain, "private_key": key_text(pairs[0].key)}


def same_key(certificate, key):
    """Say whether a certificate is for a key."""
    return spki_der(certificate.public_key()) == spki_der(key.public_key())
