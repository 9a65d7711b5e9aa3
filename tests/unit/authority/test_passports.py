"""Passports: what is signed, what is read, and everything an envelope may try."""

import base64
import json
import subprocess

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ca_core.authority.passportkeys import key_id, private_key, public_key, trusted_keys
from ca_core.authority.passports import (
    LEVELS,
    MAX_BYTES,
    PAYLOAD_TYPE,
    StatedResult,
    level_shown,
    parse_passport,
    pre_authentication_encoding,
    signed_passport,
    signer_of,
)
from ca_core.errors import ConfigError
from tests.unit.authority.installing import PROVIDER, Installed

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def statement(tmp_path, monkeypatch):
    """Return a statement about a distribution."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {"ca_provider_for_passports.py": PROVIDER}
    return Installed(tmp_path, files, module="ca_provider_for_passports").statement()


@pytest.fixture
def envelope(statement):
    """Return a signed passport as the objects of its JSON."""
    return json.loads(signed_passport(statement, KEY))


def reading(envelope):
    """Parse an envelope that was changed."""
    return parse_passport(json.dumps(envelope).encode())


def with_payload(envelope, text):
    """Return the envelope with another payload and the old signature."""
    return {**envelope, "payload": base64.b64encode(text.encode()).decode()}


def payload_of(envelope):
    """Return the text of the payload."""
    return base64.b64decode(envelope["payload"]).decode()


def nobody_vouches_for(envelope):
    """Say whether an envelope is refused or unsigned; any other error is one of the test."""
    try:
        return signer_of(reading(envelope), [KEY.public_key()]) == ""
    except ConfigError:
        return True


def test_what_is_signed_is_what_the_standard_says():
    """The encoding agrees with the test vector of DSSE's protocol.md."""
    found = pre_authentication_encoding(b"hello world", "http://example.com/HelloWorld")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_passport_comes_back_as_it_was_signed(statement):
    """Writing and reading lose nothing, and the signer is known by its key."""
    passport = parse_passport(signed_passport(statement, KEY))
    assert passport.statement == statement
    assert signer_of(passport, [OTHER_KEY.public_key(), KEY.public_key()]) == key_id(
        KEY.public_key()
    )


def test_a_stranger_signs_for_nobody(statement):
    """Claiming the id of a trusted key does not help."""
    envelope = json.loads(signed_passport(statement, OTHER_KEY))
    envelope["signatures"][0]["keyid"] = key_id(KEY.public_key())
    assert signer_of(reading(envelope), [KEY.public_key()]) == ""
    assert signer_of(reading(envelope), []) == ""


def test_one_good_signature_of_several_is_enough(statement, envelope):
    """Author and operator may both sign; each trusts whom they know."""
    both = json.loads(signed_passport(statement, OTHER_KEY))
    both["signatures"] += envelope["signatures"]
    assert signer_of(reading(both), [KEY.public_key()]) == key_id(KEY.public_key())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"level_asked":"L2"', '"level_asked":"L2" '),
        ('"version":"1.0"', '"version":"1.1"'),
        ('"provider":"tiny"', '"provider":"tinz"'),
    ],
)
def test_a_changed_statement_is_signed_by_nobody(envelope, old, new):
    """Whatever is changed in the payload, no key vouches for it."""
    text = payload_of(envelope)
    assert old in text
    changed = with_payload(envelope, text.replace(old, new))
    assert nobody_vouches_for(changed)


def test_another_type_of_payload_is_no_passport(envelope):
    """A signature for something else is never taken for one of a passport."""
    with pytest.raises(ConfigError, match="no passport"):
        reading({**envelope, "payloadType": "application/vnd.in-toto+json"})


def _resigned(payload):
    """Sign bytes that no honest program would write."""
    sig = KEY.sign(pre_authentication_encoding(payload))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "", "sig": base64.b64encode(sig).decode()}],
    }


def reordered(text):
    """Return the same object with its keys in another order."""
    return json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":"))


ODD_PAYLOADS = {
    "reordered": reordered,
    "with white space": lambda text: json.dumps(json.loads(text)),
    "with a key twice": lambda text: text.replace('"schema":1', '"schema":1,"schema":1'),
    "with an unknown key": lambda text: text.replace('"schema":1', '"schema":1,"more":1'),
    "of another schema": lambda text: text.replace('"schema":1', '"schema":2'),
    "with a missing key": lambda text: text.replace('"contract":1,', ""),
    "with a check twice": lambda text: text.replace('"id":"area.l1"', '"id":"area.l0"'),
    "that raises its level": lambda text: text.replace('reached":"L2"', 'reached":"L3"'),
    "that states more than its results": lambda text: text.replace('"passed"', '"failed"'),
    "with an unknown level": lambda text: text.replace('"L2"', '"L9"'),
    "with an endless name": lambda text: text.replace('"tiny"', f'"{"x" * 201}"'),
    "with a name of two lines": lambda text: text.replace('"tiny"', '"tiny\\nvalid   yes"'),
    "with a line feed at the end": lambda text: text.replace('"tiny"', '"tiny\\n"'),
    "with a name that steers a terminal": lambda text: text.replace('"tiny"', '"\\u001b[2J"'),
    "with an empty name": lambda text: text.replace('"tiny"', '""'),
    "of nothing": lambda text: "",
    "of a list": lambda text: "[]",
    "nested without end": lambda text: "[" * 100_000,
    "with a local time": lambda text: text.replace("00:00:00Z", "00:00:00"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD_PAYLOADS)
def test_even_a_trusted_key_cannot_sign_an_odd_statement(statement, kind):
    """There is one spelling of a statement, and it does not contradict itself."""
    text = msgspec.json.encode(statement).decode()
    odd = ODD_PAYLOADS[kind](text)
    assert odd != text
    with pytest.raises(ConfigError, match="no passport"):
        reading(_resigned(odd.encode()))


ODD_FILES = {
    "empty": b"",
    "no JSON": b"passport",
    "no text": b"\xff\xfe",
    "a list": b"[]",
    "nested without end": b"[" * 200_000,
    "nested below an unknown key": b'{"x":' + b"[" * 200_000,
    "nested below a known key": b'{"payload":' + b"[" * 200_000,
    "nested among the signatures": b'{"signatures":[{"keyid":' + b"[" * 200_000,
    "huge": b" " * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_a_file_that_is_no_passport_is_refused(kind):
    """Nothing that lies in the folder can do more than be refused."""
    with pytest.raises(ConfigError):
        parse_passport(ODD_FILES[kind])


def test_an_envelope_with_a_key_twice_is_refused(statement):
    """Two readers would see two passports in it."""
    raw = signed_passport(statement, KEY).replace(b'"payload":', b'"payload": "e30=", "payload":')
    with pytest.raises(ConfigError, match="twice"):
        parse_passport(raw)


def test_an_envelope_with_an_unknown_key_is_refused(envelope):
    """What this version does not know it does not carry along."""
    with pytest.raises(ConfigError, match="unknown field"):
        reading({**envelope, "valid": True})


@pytest.mark.parametrize("count", [0, 9])
def test_an_envelope_has_one_to_eight_signatures(envelope, count):
    """None vouches for nothing; thousands only cost time."""
    with pytest.raises(ConfigError, match="signatures"):
        reading({**envelope, "signatures": envelope["signatures"] * count})


@pytest.mark.parametrize("sig", ["", "AA==", "not base64", "A" * 88])
def test_a_malformed_signature_vouches_for_nothing(envelope, sig):
    """It is refused or does not verify; it never raises anything else."""
    envelope["signatures"][0]["sig"] = sig
    assert nobody_vouches_for(envelope)


results = st.lists(
    st.builds(
        lambda level, outcome: (level, outcome),
        st.sampled_from(LEVELS),
        st.sampled_from(["passed", "failed", "skipped", "not run", "known deviation"]),
    ),
    max_size=12,
)


@given(results, st.sampled_from(LEVELS))
def test_a_level_is_never_shown_over_a_failure(pairs, asked):
    """Below the level shown nothing failed, at it something passed."""
    stated = [
        StatedResult(id=f"a.r{n}", level=level, outcome=outcome)
        for n, (level, outcome) in enumerate(pairs)
    ]
    shown = level_shown(stated, asked)
    if shown is not None:
        below = {outcome for level, outcome in pairs if level <= shown}
        assert not below & {"failed", "known deviation"}
        assert (shown, "passed") in pairs
        assert shown <= asked


def test_keys_by_openssl_are_understood(tmp_path):
    """An operator makes keys with the tool that is there."""
    made, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", made], check=True)
    subprocess.run(["openssl", "pkey", "-in", made, "-pubout", "-out", public], check=True)
    key = private_key(made, where="--sign-key")
    by_path, inline = trusted_keys([str(public), public.read_text()])
    assert key_id(by_path) == key_id(inline) == key_id(key.public_key())


def _openssl(tmp_path, *arguments):
    file = tmp_path / "key.pem"
    subprocess.run(["openssl", *arguments, "-out", file], check=True, capture_output=True)
    return file


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x"), "encrypted"),
        (("genpkey", "-algorithm", "x25519"), "no Ed25519 key"),
        (("ecparam", "-name", "prime256v1", "-genkey", "-noout"), "no Ed25519 key"),
    ],
)
def test_another_private_key_is_refused_without_being_shown(tmp_path, arguments, fault):
    """The message names the file and the next step, and holds no line of the key."""
    file = _openssl(tmp_path, *arguments)
    with pytest.raises(ConfigError, match=fault) as caught:
        private_key(file, where="--sign-key")
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(("content", "fault"), [(b"junk", "no private key"), (b"\xff", "no PEM")])
def test_a_file_that_holds_no_key_is_refused(tmp_path, content, fault):
    """A wrong path is told as one."""
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(ConfigError, match=fault):
        private_key(tmp_path / "key.pem", where="--sign-key")


def test_a_private_key_among_the_trusted_is_refused_without_being_shown(tmp_path):
    """It does not belong on the machine that checks."""
    pem = _openssl(tmp_path, "genpkey", "-algorithm", "ed25519").read_text()
    with pytest.raises(ConfigError, match="private key") as caught:
        trusted_keys([pem])
    assert pem.splitlines()[1] not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("entry", ["/no/such.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_a_trusted_key_that_is_none_is_refused(entry):
    """A mistake in the configuration is told, not ignored."""
    with pytest.raises(ConfigError, match=r"conformance\.trusted_keys"):
        trusted_keys([entry])


def test_a_file_too_large_for_a_key_is_refused(tmp_path):
    """Nobody reads a disk into memory by a wrong path."""
    (tmp_path / "key.pem").write_bytes(b"x" * 65_537)
    with pytest.raises(ConfigError, match="too large"):
        trusted_keys([str(tmp_path / "key.pem")])


def test_a_key_of_another_kind_is_no_trusted_key(tmp_path):
    """Passports are signed with Ed25519 alone."""
    made = _openssl(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-noout")
    public = tmp_path / "public.pem"
    subprocess.run(["openssl", "pkey", "-in", made, "-pubout", "-out", public], check=True)
    with pytest.raises(ConfigError, match="no Ed25519 key"):
        public_key(public.read_text(), where="--key")
