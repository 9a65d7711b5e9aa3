"""A leaf as files for programs that read files: ``leaf.pem``, ``key.pem``, ``bundle.pem``."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_core.agent.fileset import FileContent, read_set, swap
from ca_core.errors import ProviderError
from ca_core.identity.certificates import spki_der
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoots

LEAF, KEY, BUNDLE = "leaf.pem", "key.pem", "bundle.pem"


def files_of(cert: IssuedCert, roots: CARoots) -> dict[str, FileContent]:
    """Return the three files: leaf and intermediates, the key (0600), every trusted root.

    Raises:
        ProviderError: the key does not belong to the leaf; such a pair is never written.
    """
    _check_pair(cert)
    bundle = "".join(root.root_cert for root in roots.roots)
    return {
        LEAF: FileContent(cert.cert_pem.encode(), 0o644),
        KEY: FileContent(cert.private_key_pem.encode(), 0o600),
        BUNDLE: FileContent(bundle.encode(), 0o644),
    }


def write_leaf_files(out: Path, cert: IssuedCert, roots: CARoots) -> bool:
    """Replace the files in ``out`` by one rename; say whether anything differed.

    Raises:
        ConfigError: the folder cannot be written.
        ProviderError: the key does not belong to the leaf.
    """
    files = files_of(cert, roots)
    if read_set(out, tuple(files)) == {name: content.raw for name, content in files.items()}:
        return False
    swap(out, files, folder_mode=0o755)
    return True


def _check_pair(cert: IssuedCert) -> None:
    try:
        leaf = x509.load_pem_x509_certificate(cert.cert_pem.encode())
        key = serialization.load_pem_private_key(cert.private_key_pem.encode(), None)
        fits = spki_der(leaf.public_key()) == key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, TypeError) as error:
        raise ProviderError(f"the agent's answer holds no leaf with a key: {error}") from None
    if not fits:
        raise ProviderError("the agent's answer holds a key of another leaf")
