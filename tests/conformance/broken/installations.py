"""Providers that install what they should refuse."""

from ca_core.contract import RequestError, Signer
from ca_core.testing import ReferenceProvider
from ca_core.testing.reference_backend import ROOT
from tests.conformance.broken.spoiling import broken


def ignoring(fault, *, alone=True, authority=False):
    """Return a provider that installs chains with this fault, ``alone`` or with others.

    They are chains of signers, or of the ``authority``.
    """
    judged = all if alone else any

    class Ignoring(ReferenceProvider):
        def _fitting(self, name, key, chain):
            try:
                return super()._fitting(name, key, chain)
            except RequestError as error:
                found = str(error).split("; ")
                if (name == ROOT) is authority and judged(fault in one for one in found):
                    return chain
                raise

    return Ignoring


class FollowsTheLast(ReferenceProvider):
    """Answers well to a second chain for a signer that is at work."""

    used = frozenset()

    def sign_leaf(self, request):
        """Note that the signer is at work, for all objects."""
        type(self).used |= {request.signer}
        return super().sign_leaf(request)

    def install_intermediate(self, request):
        """Swallow the second one."""
        try:
            return super().install_intermediate(request)
        except RequestError:
            if request.id not in self.used:
                raise
            return Signer(request.id, request.chain)


class InstallsUnasked(ReferenceProvider):
    """Says yes to a chain for an id that it does not know."""

    def install_intermediate(self, request):
        """Throw it away."""
        if (self._id, request.id) not in self._backend.names():
            self._require("secondary")
            return Signer(request.id, request.chain)
        return super().install_intermediate(request)


BROKEN = (
    broken(
        "installs-other-domain",
        "installs an intermediate of another trust domain",
        "install.other-domain",
        ignoring("its one URI must be"),
    ),
    broken(
        "installs-leaf",
        "installs a leaf as an intermediate",
        "install.not-a-ca",
        ignoring("not a CA", alone=False),
    ),
    broken(
        "installs-forged",
        "installs an intermediate that its issuer did not sign",
        "install.forged",
        ignoring("signature does not verify"),
    ),
    broken(
        "installs-expired",
        "installs an expired intermediate",
        "install.expired",
        ignoring("expired or not yet valid"),
    ),
    broken(
        "installs-alone",
        "installs an intermediate without its anchor",
        "install.no-anchor",
        ignoring("the chain needs"),
    ),
    broken(
        "installs-other-key",
        "installs an intermediate for another key",
        "install.other-key",
        ignoring("the private key does not belong"),
    ),
    broken(
        "follows-the-last",
        "accepts a second chain for a signer at work",
        "install.second-chain",
        FollowsTheLast,
        later=True,
    ),
    broken(
        "installs-unasked",
        "accepts a chain for an id without a key",
        "install.unasked",
        InstallsUnasked,
    ),
)
