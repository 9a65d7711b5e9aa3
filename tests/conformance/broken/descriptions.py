"""Providers that describe themselves wrongly, or declare what they cannot do."""

from ca_core.contract import Capability, json_schema
from ca_core.testing import ReferenceProvider, reference_plugin
from ca_core.testing.reference import ReferenceConfig
from tests.conformance.broken.loading import described
from tests.conformance.broken.spoiling import broken

SCHEMA = json_schema(ReferenceConfig)
ALL = reference_plugin().capabilities


class PlainSet(ReferenceProvider):
    """Declares a set that anybody may change."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.capabilities = set(self.capabilities)


class LearnsToRevoke(ReferenceProvider):
    """Declares revocation only once its authority exists."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._able = self.capabilities
        self.capabilities = self._able - {Capability.REVOKE}

    def ensure_authority(self, request):
        """Grow."""
        chain = super().ensure_authority(request)
        self.capabilities = self._able
        return chain

    def revoke(self, request):
        """Revoke if that is declared."""
        self._require(Capability.REVOKE)
        super().revoke(request)

    def crl(self, request):
        """Answer a list if that is declared."""
        self._require(Capability.REVOKE)
        return super().crl(request)


class NoThreads(ReferenceProvider):
    """Wants no call at all."""

    concurrency = 0


class RaisesNotImplemented(ReferenceProvider):
    """Raises something else for what it does not declare."""

    def install_authority(self, request):
        """Raise NotImplementedError where the capability is not declared."""
        if Capability.EXTERNAL_ISSUER not in self.capabilities:
            raise NotImplementedError
        return super().install_authority(request)


BROKEN = (
    described("says-nothing", "has no description", "describe.text", description=" "),
    described(
        "schema-without-keys",
        "leaves a setting out of the schema",
        "describe.schema",
        make_config=lambda _address: {"external_issuer": False},
        schema={**SCHEMA, "properties": {}},
        consul_names={},
    ),
    described(
        "bare-settings",
        "describes no setting",
        "describe.settings",
        schema={**SCHEMA, "properties": {"external_issuer": {"type": "boolean"}}},
    ),
    described(
        "consul-twins",
        "spells a key that it does not have",
        "describe.consul-names",
        consul_names={"external_issuer": "ExternalIssuer", "external": "External"},
    ),
    broken("plain-set", "declares a plain set", "describe.capabilities", PlainSet),
    described(
        "promises-too-little",
        "declares more than its descriptor lists",
        "describe.covered",
        capabilities=ALL - {Capability.CROSS_SIGN},
    ),
    broken("learns-to-revoke", "declares more later", "describe.steady", LearnsToRevoke),
    broken("no-threads", "wants no call at all", "describe.concurrency", NoThreads),
    broken(
        "raises-not-implemented",
        "raises something else",
        "describe.undeclared",
        RaisesNotImplemented,
    ),
)
