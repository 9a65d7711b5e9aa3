"""Types as an author writes them: without modules, and unions under the names they have."""

import re
from typing import get_args

from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)

from ca_core.contract import IPAddress, PrivateKey, SpiffeId
from ca_core.identity.keys import SignatureHash

_MODULES = re.compile(r"\b(?:[a-z_]+\d*\.)+(?=[A-Z])|\bdatetime\.(?=datetime|timedelta)|~")
_FORWARD = re.compile(r"'(\w+\[[^']*\])'")
_FUNCTION = re.compile(r"<function \w+ at 0x[0-9a-f]+>")
_MEMBER = re.compile(r"<(\w+\.\w+): [^>]*>")
_ALIASES = (
    (
        PrivateKey | CertificatePublicKeyTypes | None,
        "PrivateKey | CertificatePublicKeyTypes | None",
    ),
    (PrivateKey | CertificatePublicKeyTypes, "PrivateKey | CertificatePublicKeyTypes"),
    (PrivateKey, "PrivateKey"),
    (SpiffeId, "SpiffeId"),
    (IPAddress, "IPAddress"),
    (SignatureHash, "SignatureHash"),
    (CertificatePublicKeyTypes, "CertificatePublicKeyTypes"),
    (CertificateIssuerPrivateKeyTypes, "PrivateKey"),
)


def as_written(text: str) -> str:
    """Return annotations or a signature in the words of the source."""
    shown = _FUNCTION.sub("…", text).replace("NoneType", "None")
    shown = _MEMBER.sub(r"\1", _FORWARD.sub(r"\1", _MODULES.sub("", shown)))
    for union, name in _ALIASES:
        shown = _named(shown, [_name(member) for member in get_args(union)], name)
    return shown


def _named(text: str, members: list[str], name: str) -> str:
    bare = " | ".join(members)
    return text.replace(f"Union[{', '.join(members)}]", name).replace(bare, name)


def _name(member: object) -> str:
    return "None" if member is type(None) else getattr(member, "__name__", str(member))
