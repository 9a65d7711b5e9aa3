"""Providers that believe in names, or tell too much."""

import dataclasses
import posixpath

from ca_core.contract import RetireSignerRequest, Signer, SignerUnknownError, UnavailableError
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.small import SmallProvider, plugin_of


class CleansNames(SmallProvider):
    """Strips and lowers names before it looks them up."""

    def sign_leaf(self, request):
        """Help callers who mistype."""
        name = request.signer.strip().lower()
        return super().sign_leaf(dataclasses.replace(request, signer=name))


class TakesAnyName(SmallProvider):
    """Makes signers under whatever name it is given."""

    def prepare_signer(self, request):
        """Put the name into a path."""
        self.kept.chain("root")
        name = f"signer/{request.id}"
        chain = self.kept.made(name, request.key, lambda key: self.intermediate(key, request))
        return Signer(request.id, chain)


class RetiresByLastPart(SmallProvider):
    """Takes the last part of a path for the signer to retire."""

    def retire_signer(self, request: RetireSignerRequest):
        """Be generous with slashes."""
        last = posixpath.basename(request.id)
        super().retire_signer(dataclasses.replace(request, id=last))


class LogsNames(SmallProvider):
    """Logs names as they come."""

    def sign_leaf(self, request):
        """Say which signer is missing."""
        try:
            return super().sign_leaf(request)
        except SignerUnknownError as error:
            self.context.logger.info("no signer %s", error.signer)
            raise


class TellingSecrets:
    """A secret store that says what it could not keep."""

    def __init__(self, context):
        self.inner = context.secrets
        self.logger = context.logger
        self.get = self.inner.get
        self.delete = self.inner.delete

    def create(self, name, value):
        """Help whoever has to mend it."""
        try:
            return self.inner.create(name, value)
        except UnavailableError:
            self.logger.debug("not kept: %s = %s", name, value.hex())
            raise


class LogsKeys(SmallProvider):
    """Logs a private key when the store fails."""

    def __init__(self, context):
        super().__init__(dataclasses.replace(context, secrets=TellingSecrets(context)))


def small(name, fault, kind, check, *, later=False):
    """Return the small provider with ``kind`` instead of its class."""
    return Broken(
        name=name,
        fault=fault,
        caught_by=frozenset({check}),
        plugin=lambda: plugin_of(kind),
        later=later,
    )


BROKEN = (
    small("cleans-names", "signs under names that look alike", CleansNames, "hostile.signer"),
    small("takes-any-name", "makes signers under paths", TakesAnyName, "hostile.prepare"),
    small("retires-by-last-part", "retires by path", RetiresByLastPart, "hostile.retire"),
    small("logs-names", "logs callers' line breaks", LogsNames, "hostile.log-lines"),
    small("logs-keys", "logs keys it could not keep", LogsKeys, "leak.secrets", later=True),
)
