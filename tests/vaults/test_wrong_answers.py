"""Answers that look good and are wrong: something stands between provider and server."""

import http.client
from collections.abc import Callable
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import OutcomeUnknownError, ProviderError, is_signed_by
from tests.unit.providers.vault.peer import Heard, Peer, answer
from tests.vaults.subjects import Mounts


@pytest.fixture
def mounts(vault):
    """Return two mounts that are there."""
    return Mounts(vault, made=True)


def between(vault, instead: Callable[[Heard], bytes | None]) -> Peer:
    """Return what passes requests on, but those that ``instead`` answers."""
    host = vault.address.removeprefix("http://")

    def behave(sock, heard) -> bool:
        reply = instead(heard)
        if reply is None:
            with closing(http.client.HTTPConnection(host, timeout=30)) as onward:
                onward.request(heard.method, heard.path, heard.body, heard.headers)
                theirs = onward.getresponse()
                reply = answer(theirs.status, theirs.read())
        sock.sendall(reply)
        return True

    return Peer(behave)


def test_another_signers_certificate_is_never_kept(vault, arena):
    """It would stand for ever, and take the other signer's issuer away."""
    other = arena.mesh()
    theirs = other.prepare().chain[0].public_bytes(Encoding.PEM).decode()
    wrong = [answer(200, {"data": {"certificate": theirs}})]

    def instead(heard):
        return wrong.pop() if wrong and heard.path.endswith("/sign-intermediate") else None

    with between(vault, instead) as peer:
        mesh = arena.unmade(address=peer.address)
        root = mesh.ensure().primary
        with pytest.raises(ProviderError, match="not that of the new signer"):
            mesh.prepare("s-wrong")
        assert is_signed_by(mesh.prepare("s-wrong").chain[0], root)
        assert mesh.leaf()
    assert other.leaf()


def test_an_import_that_lists_nothing_readable_is_the_backends_fault(vault, arena):
    """Nothing foreign is raised, and no issuer is deleted that nobody named."""
    odd = [answer(200, {"data": {"mapping": 5, "imported_issuers": "abc"}})]

    def instead(heard):
        return odd.pop() if odd and heard.path.endswith("/set-signed") else None

    with between(vault, instead) as peer:
        mesh = arena.unmade(address=peer.address)
        mesh.ensure()
        with pytest.raises(ProviderError, match="no key"):
            mesh.prepare("s-odd")
        assert mesh.prepare("s-odd")
        assert not [heard for heard in peer.heard if heard.method == "DELETE"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": null}', b'{"status": "ok"}'])
def test_a_revocation_that_the_server_does_not_confirm_is_none(vault, arena, mounts, body):
    """A success of something else is no success; the caller may ask again."""
    mesh = arena.mesh()
    leaf, believed = mesh.leaf(), []

    def instead(heard):
        return answer(200, body) if heard.path.endswith("/revoke") and not believed else None

    with between(vault, instead) as peer:
        far = mesh.another(config=mounts.config(peer.address))
        with pytest.raises(OutcomeUnknownError):
            far.revoke(leaf)
        assert far.crl().get_revoked_certificate_by_serial_number(leaf.serial_number) is None
        believed.append(True)
        far.revoke(leaf)
        assert far.crl().get_revoked_certificate_by_serial_number(leaf.serial_number)
