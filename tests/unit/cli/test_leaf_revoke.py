"""Tests of `leaf revoke`."""

import json

import pytest

from ca_core.identity.certificates import pem_of

REVOKE = "/v1/connect/ca/revoke"
ANSWER = {
    "Identity": "spiffe://x.consul/ns/default/dc/dc1/svc/web", "SerialNumber": "0a:0b",
    "Authority": "ca-1", "Signer": "s-1", "Reason": "superseded",
}  # fmt: skip


@pytest.fixture
def file(api, make_leaf, tmp_path, monkeypatch):
    """Return a leaf on disk, and a server that revokes it."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    api.answer("PUT", REVOKE, ANSWER)
    path = tmp_path / "leaf.pem"
    path.write_text(pem_of(make_leaf()))
    return path


def test_it_shows_the_leaf_asks_and_says_what_was_revoked(run, api, file):
    """The certificate is sent, never a path."""
    result = run("leaf", "revoke", str(file), "--reason", "superseded", text=b"y\n")
    assert result.exit_code == 0, result.stderr
    assert "Revoke it? [y/N]" in result.stderr
    assert "/v1/connect/ca/crl/ca-1" in result.stdout
    assert api.bodies("PUT", REVOKE) == [{"Certificate": file.read_text(), "Reason": "superseded"}]


def test_nothing_is_revoked_without_a_yes(run, api, file):
    """No, an empty line, nobody there."""
    for text in (b"n\n", b"\n", b""):
        assert run("leaf", "revoke", str(file), text=text).exit_code == 1
    assert not api.bodies("PUT", REVOKE)


def test_a_program_says_yes_beforehand(run, file):
    """JSON in, JSON out; without --yes nothing is sent."""
    assert run("leaf", "revoke", str(file), "-o", "json").exit_code == 2
    result = run("leaf", "revoke", str(file), "-o", "json", "--yes")
    assert json.loads(result.stdout) == ANSWER


def test_a_key_is_not_sent(run, api, file):
    """Whoever names the wrong file is told so before anything leaves this machine."""
    file.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    result = run("leaf", "revoke", str(file), "--yes")
    assert result.exit_code != 0
    assert "private key" in result.stderr
    assert not api.bodies("PUT", REVOKE)


def test_the_certificate_of_a_ca_is_refused_with_what_ends_one(run, api, file, make_ca):
    """A bundle lies beside the leaf; nothing is shown and nothing is asked."""
    file.write_text(pem_of(make_ca()))
    result = run("leaf", "revoke", str(file), text=b"y\n")
    assert result.exit_code == 2
    assert f"the first certificate in {file} is a CA's" in result.stderr
    assert "`ca-core ca taint`" in result.stderr
    assert "[y/N]" not in result.stderr
    assert not result.stdout
    assert not api.bodies("PUT", REVOKE)


def test_what_is_no_reason_is_refused_before_the_screen(run, api, file):
    """With the list, and before anybody is asked."""
    result = run("leaf", "revoke", str(file), "--reason", "foo", text=b"y\n")
    assert result.exit_code == 2
    assert "--reason: 'foo' is none of: unspecified, keyCompromise, " in result.stderr
    assert "[y/N]" not in result.stderr
    assert not result.stdout
    assert not api.bodies("PUT", REVOKE)
