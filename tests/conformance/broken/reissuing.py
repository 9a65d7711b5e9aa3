"""Certificates made again with one thing changed, by the same issuer."""

from cryptography import x509

from ca_core.contract import signature_hash


def reissued(certificate, key, *, serial=None, extra=(), without=()):
    """Sign ``certificate`` again with ``key``.

    Args:
        certificate: whose subject, issuer, key, life and extensions are kept.
        key: its issuer's private key.
        serial: another serial number.
        extra: ``(extension, critical)`` that it had not.
        without: types of extensions to leave out.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(certificate.public_key())
        .serial_number(serial or certificate.serial_number)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
    )
    for extension in certificate.extensions:
        if not isinstance(extension.value, tuple(without)):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    for value, critical in extra:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(key, signature_hash(key))
