"""Which DNS names and addresses an identity may carry without asking anybody."""

from ca_core.identity.csr import IPAddress
from ca_core.identity.spiffe import AgentId, ServerId, ServiceId, SpiffeId


def foreign_names(
    identity: SpiffeId, dns_names: tuple[str, ...], addresses: tuple[IPAddress, ...]
) -> tuple[str, ...]:
    """Return the names that do not follow from the identity; those need an operator's right.

    A service owns its own name and every name below it (``web``, ``web.example.org``) and loopback;
    an agent its node's name, ``localhost`` and loopback; servers any name, since only a server asks
    for itself. Consul signs any name here; that would let ``web`` be ``bank.example``.
    """
    if isinstance(identity, ServerId):
        return ()
    own = _own_name(identity)
    names = [name for name in dns_names if not _belongs(name.lower(), own)]
    return (*names, *(str(address) for address in addresses if not address.is_loopback))


def _own_name(identity: SpiffeId) -> str:
    match identity:
        case ServiceId(service=name) | AgentId(node=name):
            return name.lower()
        case _:
            return ""


def _belongs(name: str, own: str) -> bool:
    return name == "localhost" or (bool(own) and (name == own or name.startswith(f"{own}.")))
