"""Hearing what a provider tells: its log at every level, its errors with their causes."""

import base64
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract import KeySpec, KeyType, generate_key, key_bytes
from ca_core.testing.conformance.listening import PROVIDER_LOGGER, listening, shows, told_by

SECRET = key_bytes(generate_key(KeySpec()))
OTHER = key_bytes(generate_key(KeySpec()))


def failing(text, cause=None):
    """Raise, as a library deep below does."""
    raise ValueError(text) from cause


def test_every_logger_and_level_is_heard():
    """A provider may have a logger of its own."""
    with listening() as heard:
        logging.getLogger(PROVIDER_LOGGER).debug("one %s", 1)
        logging.getLogger("of.its.own").warning("two")
    assert heard == ["one 1", "two"]


def test_afterwards_the_loggers_are_as_before():
    """Listening changes nothing that outlives it."""
    loggers = [logging.getLogger(), logging.getLogger(PROVIDER_LOGGER)]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    with listening() as heard:
        pass
    logging.getLogger(PROVIDER_LOGGER).error("unheard")
    assert [(logger.level, list(logger.handlers)) for logger in loggers] == before
    assert heard == []


def test_an_error_tells_its_causes_too():
    """What a chained exception says is printed with it."""
    with pytest.raises(ValueError, match="outer") as raised:
        failing("outer", KeyError("inner"))
    told = told_by(raised.value)
    assert "outer" in told
    assert "'inner'" in told


def test_a_logged_exception_is_heard():
    """Its text comes with the traceback."""
    with listening() as heard:
        try:
            failing("its text")
        except ValueError:
            logging.getLogger("x").exception("failed")
    assert "its text" in heard


@pytest.mark.parametrize("spelt", [bytes.hex, repr, lambda raw: base64.b64encode(raw).decode()])
def test_a_key_is_recognised_however_it_is_spelt(spelt):
    """Hexadecimal, a bytes literal, base64."""
    assert shows(f"kept {spelt(SECRET)}!", SECRET)
    assert not shows(f"kept {spelt(OTHER)}!", SECRET)


def test_a_pem_block_is_recognised_by_its_header():
    """However its lines are broken."""
    assert shows("-----BEGIN PRIVATE KEY-----\nabc", SECRET)
    assert not shows("-----BEGIN CERTIFICATE-----\nabc", SECRET)


@given(st.sampled_from(list(KeyType)))
def test_an_honest_text_shows_no_key(kind):
    """Names and public facts are told freely."""
    spec = KeySpec(kind, 2048) if kind is KeyType.RSA else KeySpec(kind)
    assert not shows(f"made a key of {spec} for authority a-1", SECRET)
