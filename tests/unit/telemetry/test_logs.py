"""A secret planted anywhere never comes out of a log."""

import io
import json
import logging
import string
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from ca_core.telemetry.logs import HIDDEN, RedactingFormatter, redacted, set_up_logging

URL_SAFE = string.ascii_letters + string.digits + "-_"


def pem(key, form=PrivateFormat.PKCS8, encryption=None):
    """Return a key as PEM text."""
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


EC = ec.generate_private_key(ec.SECP256R1())
KEYS = [
    pem(EC),
    pem(EC, PrivateFormat.TraditionalOpenSSL),
    pem(EC, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
    pem(ed25519.Ed25519PrivateKey.generate()),
    pem(rsa.generate_private_key(65537, 2048), PrivateFormat.TraditionalOpenSSL),
]

TOKENS = st.one_of(
    st.builds(
        "caj1.{}.{}.{}".format,
        st.text("0123456789abcdef", min_size=16, max_size=16),
        st.text(URL_SAFE, min_size=43, max_size=43),
        st.just("ab" * 32),
    ),
    st.builds("hvs.{}".format, st.text(URL_SAFE, min_size=24, max_size=95)),
    st.builds("hvb.{}".format, st.text(URL_SAFE, min_size=24, max_size=95)),
    st.builds("s.{}".format, st.text(URL_SAFE, min_size=24, max_size=24)),
)
HEADERS = st.sampled_from(
    [
        "X-Consul-Token: {}",
        "x-vault-token:{}",
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "'Authorization': 'Bearer {}'",
        "(b'x-consul-token', b'{}')",
        "('X-Vault-Token', '{}')",
        '{{"SecretID":"{}"}}',
        '{{"client_token": "{}", "x": 1}}',
        '{{\\"Secret\\":\\"{}\\"}}',
        '{{\\"Secret\\": \\"two {}\\"}}',
        "/v1/kv/x?token={}&wait=1s",
        "password={}",
        "password = '{}'",
        "api_key: {}",
        "Cookie: session={}",
    ]
)
OPAQUE = st.text(string.ascii_letters + string.digits, min_size=12, max_size=42)
AROUND = st.text(string.printable, max_size=40)


def record(message, *args, exc_info=None, level=logging.INFO):
    """Return a log record."""
    return logging.LogRecord("ca_core.x", level, "f.py", 1, message, args, exc_info)


def shown(message, *args, exc_info=None):
    """Return everything that both forms show of a record."""
    return [
        RedactingFormatter(form).format(record(message, *args, exc_info=exc_info))
        for form in ("text", "json")
    ]


def raised(text):
    """Return what ``exc_info`` is for an error with a cause, both with ``text`` in them."""
    try:
        _fail(text)
    except ValueError:
        return sys.exc_info()


def _fail(text):
    try:
        {}[text]
    except KeyError as error:
        raise ValueError(f"because of {text}") from error


def everywhere(text):
    """Yield what is shown when ``text`` is the message, an argument, an object's, or an error's."""
    yield from shown(text.replace("%", "%%"), *())
    yield from shown("said %s", text)
    yield from shown("said %r", {"body": [text]})
    yield from shown("said %s", text.encode())
    yield from shown("failed", exc_info=raised(text))
    yield from shown("too few %s %s", text)


@given(TOKENS, AROUND, AROUND)
def test_a_token_never_comes_out(token, before, after):
    """Join tokens and Vault's, wherever they stand and whatever stands beside them."""
    secret = token.split(".")[2 if token.startswith("caj1") else 1]
    assume(secret not in before + after)
    for line in everywhere(f"{before} {token} {after}"):
        assert secret not in line
        assert HIDDEN in line


@given(HEADERS, OPAQUE, AROUND)
def test_a_credential_never_comes_out(header, secret, before):
    """Values of headers, fields and parameters that are called credentials."""
    assume(secret not in before)
    for line in everywhere(f"{before}\n{header.format(secret)}"):
        assert secret not in line


@given(st.sampled_from(KEYS), AROUND, AROUND, st.integers(0, 10))
def test_a_private_key_never_comes_out(key, before, after, lines):
    """Whole, as a literal, or cut off at its end, in every PEM form."""
    cut = "\n".join(key.splitlines()[: 2 + lines])
    for line in everywhere(f"{before}{cut}{after}"):
        assert not any(part in line for part in key.splitlines()[1:-1])


@given(st.text(URL_SAFE, min_size=43, max_size=43))
def test_the_secret_of_a_join_token_alone_never_comes_out(secret):
    """32 random bytes in base64 are taken for a secret without their prefix too."""
    for line in everywhere(f"sent {secret} to the server"):
        assert secret not in line


@pytest.mark.parametrize(
    "text",
    [
        "this join token is unknown, used, expired, or for another node",
        "agent.join_token_file: cannot be read (No such file or directory)",
        "leaf of web: valid until 2030-01-01T00:00:00Z",
        "key-encryption key 0123456789abcdef is missing; nothing can be signed",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "joined as spiffe://0b1c2d3e-0000-4000-8000-123456789abc.consul/agent/client/dc/dc1/id/n1",
        "root " + "ab" * 32,
        "provider 'vault' broke rule leaf.3: another key (certificate abababababababab…)",
        "the token was not sent",
        "ca_core.agent.leaves.get: done",
    ],
)
def test_what_is_no_secret_stays(text):
    """A net that catches everything would make logs useless."""
    assert redacted(text) == text


def test_a_line_of_json_is_whole_and_says_what_was_said():
    """One object a line; message, level and logger as they were, also for short level names."""
    for level in (logging.INFO, logging.WARNING, logging.ERROR):
        line = RedactingFormatter("json").format(record("two  spaces", level=level))
        found = json.loads(line)
        assert "\n" not in line
        assert found["message"] == "two  spaces"
        assert found["logger"] == "ca_core.x"
        assert found["level"] == logging.getLevelName(level).lower()
        assert found["time"].endswith("Z")


def test_a_traceback_is_kept_without_its_secrets():
    """Both errors of a chain are shown, in both forms."""
    token = "hvs." + "A1" * 20
    for line in shown("failed", exc_info=raised(token)):
        assert "KeyError" in line
        assert "ValueError: because of" in line
        assert token not in line


def test_long_texts_are_redacted_in_little_time():
    """No text makes the patterns slow: a log line is no way to stop a server."""
    for text in ("token" * 20_000, "a" * 200_000, "-----BEGIN " * 9_000, "'token', '" * 9_000):
        redacted(text)


def test_set_up_sends_everything_through_the_formatter(monkeypatch):
    """Libraries' records are redacted as ours are, and one handler is left."""
    out, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", out)
    try:
        set_up_logging("info", "json")
        logging.getLogger("some.library").warning("token=%s", "abcdefgh")
        logging.getLogger("httpx").info("not told")
        assert len(root.handlers) == 1
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for noisy in ("httpx", "httpcore", "uvicorn", "uvicorn.error", "asyncio"):
            logging.getLogger(noisy).setLevel(logging.NOTSET)
    assert json.loads(out.getvalue())["message"] == f"token={HIDDEN}"
