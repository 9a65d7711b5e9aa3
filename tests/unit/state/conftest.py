"""Rewrites the assertions of the shared suite, so that its failures read like any other's."""

import pytest

pytest.register_assert_rewrite("tests.unit.state.engine_suite")
