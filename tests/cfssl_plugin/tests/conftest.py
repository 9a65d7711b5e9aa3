"""ca-core's conformance kit, for the tests of this folder alone."""

pytest_plugins = ["ca_core.testing.conformance.pytest_plugin"]
