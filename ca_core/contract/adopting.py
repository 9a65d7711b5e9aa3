"""Who has an existing CA: one authority at a time, as the state says.

A claim is the record ``adopted/<sha256 of the CA's certificate>`` with the authority's id. It
belongs to the provider's name, so it binds every authority of that provider in this cluster, and
nobody elsewhere.
"""

from cryptography import x509

from ca_core.contract.context import ProviderContext
from ca_core.contract.naming import is_retired
from ca_core.errors import ConfigError
from ca_core.identity.certificates import fingerprint

_CLAIMS = "adopted/"


def claim_ca(certificate: x509.Certificate, context: ProviderContext, *, where: str) -> None:
    """Bind an existing CA to the authority of ``context``. Safe to repeat, and in a race.

    Call it once the CA has been checked and before anything of it is kept. An authority that
    ``Kept.retire`` has retired holds nothing: its claim is taken over.

    Args:
        certificate: the CA's own certificate.
        context: whose authority gets the CA.
        where: the setting that names the CA, for the error: ``ca.config.address``.

    Raises:
        ConfigError: the CA serves another authority that has not been retired.
    """
    state, own = context.state, context.authority_id
    path = f"{_CLAIMS}{fingerprint(certificate)}"
    while (owner := state.create(path, own)) != own:
        if not is_retired(state, owner):
            raise ConfigError(f"this CA serves authority {owner!r} already", where=where)
        state.replace(path, owner, None)


def release_claims(context: ProviderContext) -> None:
    """Let go of every CA that the authority of ``context`` has claimed. Safe to repeat.

    Call it in ``Provider.retire`` after everything else was removed. Claims of other authorities
    stay.
    """
    for path in context.state.keys(_CLAIMS):
        context.state.replace(path, context.authority_id, None)
