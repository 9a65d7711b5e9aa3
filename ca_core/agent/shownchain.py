"""Certificates that clients show: verified here against the roots of the mesh, with our own walk.

A verified chain is remembered: what may change with time, its life and revocation, is looked at
each time.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.agent.knownroots import KnownRoots
from ca_core.agent.verification import trusted_path
from ca_core.clock import Clock
from ca_core.errors import NotReadyError, RequestError
from ca_core.identity.certificates import is_ca, parse_certificates, uri_sans
from ca_core.identity.nameconstraints import constrained_names, name_fault
from ca_core.identity.paths import issue_faults, name_constraints_of
from ca_core.identity.spiffe import ServiceId

MOST_CERTIFICATES = 5
"""Leaf, signer, and what was cross-signed; the paths through more are too many to try."""

REMEMBERED = 1024
"""Chains kept verified; a host has a few hundred clients."""

_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
    x509.ExtendedKeyUsage,
)

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What pyca raises where a certificate is no certificate; whoever connects may have made it."""

IsRevoked = Callable[[x509.Certificate], bool]
"""Says whether a certificate's issuer took it back, as far as is known here; immediate."""


def nothing_revoked(_certificate: x509.Certificate) -> bool:
    """Where no revocation is known, there is none."""
    return False


@dataclass(frozen=True, slots=True)
class _Shown:
    """A chain once it was looked at: why it never holds, or the path on which it does."""

    fault: str
    path: tuple[x509.Certificate, ...] = ()


class ShownChains:
    """Verifies chains. Used from one event loop.

    Args:
        roots: the newest roots, or None while none are known.
        is_revoked: what is known of revocation.
    """

    def __init__(
        self,
        roots: Callable[[], KnownRoots | None],
        clock: Clock,
        is_revoked: IsRevoked = nothing_revoked,
    ) -> None:
        self._roots = roots
        self._clock = clock
        self._is_revoked = is_revoked
        self._verified: OrderedDict[tuple[str, str], _Shown] = OrderedDict()
        self._under: KnownRoots | None = None

    def fault(self, chain: str, client: ServiceId, serial: str | None = None) -> str:
        """Return why this is not the client's certificate, or ''; in none of its own words.

        1. It is a chain of at most ``MOST_CERTIFICATES``; '' is one that the caller verified.
        2. The leaf names exactly the client, is no CA, and serves clients.
        3. A path leads from it to a root of the mesh; what stands above it allows its names.
        4. All of the path is alive now.
        5. The serial number, where one is asked for, is the leaf's.
        6. Nothing of the path is revoked.

        Raises:
            RequestError: (1) it is no PEM.
            NotReadyError: no roots are known yet.
        """
        if not chain:
            return "" if serial else "no serial number was told"
        shown = self._looked_at(chain, client)
        if shown.fault:
            return shown.fault
        late = _life_fault(shown.path, self._clock.now())
        if late:  # (4)
            return late
        if serial is not None and not _same_serial(serial, shown.path[0]):  # (5)
            return "the serial number is another one"
        revoked = (which for which, one in _named(shown.path) if self._is_revoked(one))
        return next((f"{which} was revoked" for which in revoked), "")  # (6)

    def _looked_at(self, chain: str, client: ServiceId) -> _Shown:
        roots = self._roots()
        if roots is None:
            raise NotReadyError("the roots are not known yet: no server has answered")
        if roots is not self._under:
            self._verified.clear()
            self._under = roots
        key = (chain, str(client))
        found = self._verified.get(key)
        if found is None:
            found = shown_chain(chain, client, roots.anchors, now=self._clock.now())
            if found.path:  # what does not hold now may hold later
                self._remember(key, found)
        return found

    def _remember(self, key: tuple[str, str], found: _Shown) -> None:
        self._verified[key] = found
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)


def shown_chain(
    pem: str, client: ServiceId, anchors: Sequence[x509.Certificate], *, now: datetime
) -> _Shown:
    """Return a chain's path to an anchor, or what is wrong with it; pure.

    Raises:
        RequestError: it is no PEM.
    """
    chain = parse_certificates(pem, field="ClientCert")  # (1)
    if len(chain) > MOST_CERTIFICATES:
        raise RequestError(f"more than {MOST_CERTIFICATES} certificates", field="ClientCert")
    try:
        fault = _leaf_fault(chain[0], client)  # (2)
        above = trusted_path(chain, anchors, now=now)  # (3)
        if fault or above is None:
            return _Shown(fault or "no path leads to a root of this mesh")
        fault = _issue_fault(chain[0], above)
    except _UNREADABLE as error:
        return _Shown(f"it cannot be read ({type(error).__name__})")
    return _Shown(fault) if fault else _Shown("", (chain[0], *above))


def _leaf_fault(leaf: x509.Certificate, client: ServiceId) -> str:
    if uri_sans(leaf) != (str(client),):
        return "it does not name exactly the client"
    if is_ca(leaf):
        return "it is a CA"
    if any(one.critical and not isinstance(one.value, _UNDERSTOOD) for one in leaf.extensions):
        return "a critical extension is not understood"
    return "" if _serves_clients(leaf) else "it is no client's certificate"


def _serves_clients(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage


def _life_fault(path: Sequence[x509.Certificate], now: datetime) -> str:
    for which, one in _named(path):
        if now > one.not_valid_after_utc:
            return f"{which} has expired"
        if now < one.not_valid_before_utc:
            return f"{which} is not valid yet"
    return ""


def _named(path: Sequence[x509.Certificate]) -> Iterable[tuple[str, x509.Certificate]]:
    return (("a CA above it" if at else "it", one) for at, one in enumerate(path))


def _issue_fault(leaf: x509.Certificate, above: Sequence[x509.Certificate]) -> str:
    faults = issue_faults(leaf, above[0])
    names = constrained_names(leaf)
    constraints = (name_constraints_of(one) for one in above)
    if any(one is not None and name_fault(one, names) for one in constraints):
        return "a CA above it does not allow its names"
    return next(iter(faults), "")


def _same_serial(told: str, leaf: x509.Certificate) -> bool:
    """Compare with what is told as hexadecimal digits, with colons or without, in any case."""
    return told.replace(":", "").lower().lstrip("0") == f"{leaf.serial_number:x}"
