"""A report holds no secret of the configuration, whatever a provider says."""

import dataclasses

import pytest

from ca_core.contract import ProviderError
from ca_core.testing import reference_plugin
from ca_core.testing.conformance import CHECKS, Outcome, ProviderUnderTest, run_conformance

TOKEN = "hvs.CAESIJ-example-token"


def subject(schema, config):
    """Return a provider that tells its configuration in every error."""
    inner = reference_plugin()

    def create(_parsed, context):
        made = inner.open({}, context)

        def fail(_request):
            raise ProviderError(f"403 for {config}")

        made.sign_leaf = fail
        return made

    plugin = dataclasses.replace(inner, parse_config=lambda raw: raw, create=create, schema=schema)
    return ProviderUnderTest(provider=plugin, make_config=lambda _address: config)


def detail(schema, config):
    """Return what a report says of one failed check."""
    report = run_conformance(subject(schema, config), checks=[CHECKS.get("leaf.key")])
    (failed,) = report.of(Outcome.FAILED)
    return failed.detail


MARKED = {"properties": {"auth": {"properties": {"token": {"writeOnly": True}}}}}


def test_a_secret_of_the_configuration_is_hidden_in_what_was_seen():
    """The schema says what is secret, at any depth; the rest stays readable."""
    told = detail(MARKED, {"auth": {"token": TOKEN, "mount": "approle"}})
    assert TOKEN not in told
    assert "<hidden>" in told
    assert "approle" in told


@pytest.mark.parametrize("schema", [None, {"properties": 7}, 7])
def test_a_schema_that_is_none_hides_nothing_and_breaks_nothing(schema):
    """A broken schema is for the checks to find."""
    assert "403 for" in detail(schema, {"auth": {"mount": "approle"}})


def test_what_is_too_short_to_be_a_secret_is_not_hidden():
    """Else every report would be full of holes."""
    assert "403 for" in detail(MARKED, {"auth": {"token": "r"}})
