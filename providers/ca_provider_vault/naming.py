"""What our objects are called on the server: every name follows from an id, and begins alike.

An id may begin or end with ``-``, which the server allows in no name; hence something around it. A
policy can be as narrow as ``…/issuer/ca-core.*``.
"""

_PREFIX = "ca-core"


def root_object(authority: str) -> str:
    """Return the name of an authority's root issuer, and of its key."""
    return f"{_PREFIX}.{authority}.ca"


def signer_object(authority: str, signer: str) -> str:
    """Return the name of a signer's issuer, and of its key."""
    return f"{_PREFIX}.{authority}.{signer}.ca"


def leaf_role(authority: str) -> str:
    """Return the name of the role that an authority's leaves are signed with."""
    return f"{_PREFIX}.{authority}.leaf"
