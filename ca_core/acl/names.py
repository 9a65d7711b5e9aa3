"""Which DNS names and addresses an identity may carry without asking anybody."""

from ca_core.identity.csr import IPAddress
from ca_core.identity.spiffe import AgentId, ServiceId, SpiffeId


def foreign_names(
    own: str, dns_names: tuple[str, ...], addresses: tuple[IPAddress, ...]
) -> tuple[str, ...]:
    """Return the names that do not follow from ``own``; those need an operator's right.

    A service owns its own name and every name below it (``web``, ``web.example.org``); an agent its
    node's name; both ``localhost`` and loopback addresses. Consul signs any name here, which would
    let ``web`` be ``bank.example``. ``Web`` is another service than ``web``, and DNS cannot
    tell them apart: the names are those of the one in lower case.
    """
    names = [name for name in dns_names if not _belongs(name.lower(), own)]
    return (*names, *(str(address) for address in addresses if not address.is_loopback))


def own_name(identity: SpiffeId) -> str:
    """Return the name an identity owns: its service or node; empty for the others."""
    match identity:
        case ServiceId(service=name) | AgentId(node=name):
            return name
        case _:
            return ""


def _belongs(name: str, own: str) -> bool:
    return name == "localhost" or (bool(own) and (name == own or name.startswith(f"{own}.")))
