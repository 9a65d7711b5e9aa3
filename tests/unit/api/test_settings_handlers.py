"""Tests of what stands, as a configuration file would say it."""

from datetime import timedelta

import pytest

from ca_core.api.settings_handlers import section_of
from ca_core.authority.configuration import row_of
from ca_core.authority.registry import Registry
from ca_core.authority.settings import CASettings
from ca_core.config import parse_ca


class Kept(dict):
    """Secrets by name."""

    def create(self, name, value):
        return self.setdefault(name, value)


def section(**changes):
    """Return the section of a configuration as it is stored."""
    return section_of(row_of(CASettings(**changes), Registry(), Kept()))


def test_a_secret_is_named_and_not_shown():
    """The mark can be sent back; what it stands for is nowhere in the answer."""
    key = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"
    found = section(config={"private_key": key, "root_cert": "PEM"})
    assert found["config"]["private_key"].startswith("<hidden:")
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("hours", [1, 72])
def test_what_stands_is_a_section_that_would_be_accepted(hours):
    """Every key is one of the file, by the rules of the file."""
    read = parse_ca(section(leaf_ttl=timedelta(hours=hours)))
    assert read.leaf_ttl == timedelta(hours=hours)


def test_lives_that_only_tests_may_have_bring_their_permission():
    """Without it, sending back what stands would be refused."""
    read = parse_ca(section(leaf_ttl=timedelta(minutes=5)))
    assert read.unsafe_short_ttls is True
    assert "unsafe_short_ttls" not in section()
