"""An operator's CA from files: taken as it is, or refused with a reason and the next step."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import UniformResourceIdentifier

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    ConfigError,
    KeySpec,
    KeyType,
    RequestError,
    path_faults,
    pem_chain,
)
from tests.unit.providers.authorities import (
    NOW,
    URI,
    corporate_ca,
    inline,
    key_for,
    key_text,
    own_root,
    same_key,
)
from tests.unit.providers.world import Steps, World, openssl_verdict

RSA = KeySpec(KeyType.RSA, 2048)
EC = KeySpec()
CORPORATE = corporate_ca("Example Corp Root", key_for(RSA, "corporate"))
MESH = corporate_ca("Example Mesh CA", key_for(EC, "mesh"), issuer=CORPORATE, sans=[URI])


@pytest.fixture
def files(tmp_path):
    """Write a CA into files as an operator would; return the configuration that names them."""

    def write(*pairs, chain=None, key=None, mode=0o600):
        (tmp_path / "ca.pem").write_text(
            pem_chain([pair.certificate for pair in pairs]) if chain is None else chain
        )
        target = tmp_path / "ca.key"
        target.unlink(missing_ok=True)
        target.write_text(key_text(pairs[0].key) if key is None else key)
        target.chmod(mode)
        return {
            "root_cert_file": str(tmp_path / "ca.pem"),
            "private_key_file": str(tmp_path / "ca.key"),
        }

    return write


def adopted(config, authority="a1", world=None):
    """Return a world and a server that has adopted the CA of ``config``."""
    world = world or World("builtin")
    server = world.server(authority, **config)
    world.ensure(server, authority)
    return world, server


def refusal(config, **rest):
    """Return the error with which adopting is refused; nothing may have been made."""
    world = World("builtin")
    with pytest.raises(ConfigError) as refused:
        adopted(config, world=world, **rest)
    assert world.objects() == 0
    assert world.state.keys() == ()
    return refused.value


@pytest.mark.parametrize("root", [own_root(), CORPORATE, MESH], ids=["ours", "rsa", "issued"])
def test_an_existing_ca_is_taken_as_it_is(root, files, tmp_path):
    """The adopted certificate itself is the primary CA, and leaves below it verify in openssl."""
    chain = [root] if root is not MESH else [MESH, CORPORATE]
    world, server = adopted(files(*chain))
    assert server.trust_chain().certificates == tuple(pair.certificate for pair in chain)
    signer, leaf = world.prepare(server), world.sign(server)
    assert signer.chain[1] == root.certificate
    anchor = chain[-1].certificate
    between = [certificate for certificate in signer.chain if certificate != anchor]
    assert openssl_verdict(tmp_path, leaf, between, anchor, at=NOW) == ""


def test_after_adoption_the_files_are_not_needed(files):
    """The key lives in the secret store; a restart without the files signs on."""
    config = files(MESH, CORPORATE)
    world, first = adopted(config)
    world.prepare(first)
    for path in config.values():
        Path(path).unlink()
    world, again = adopted(config, world=world)
    assert again.trust_chain() == first.trust_chain()
    world.sign(again)


def test_an_inline_ca_is_adopted_like_one_in_files():
    """Consul's spelling, certificate and key in the configuration itself, gives the same."""
    _, server = adopted(inline(MESH, CORPORATE))
    assert server.trust_chain().primary == MESH.certificate
    assert same_key(server.trust_chain().primary, MESH.key)


def test_an_encrypted_key_needs_its_passphrase(files, tmp_path):
    """The passphrase comes from a private file or from the configuration; without it: how to."""
    config = files(MESH, CORPORATE, key=key_text(MESH.key, b"open sesame"))
    assert "private_key_passphrase_file" in str(refusal(config))
    assert "passphrase" in str(refusal(config | {"private_key_passphrase": "wrong"}))
    adopted(config | {"private_key_passphrase": "open sesame"})
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("open sesame\n")
    passphrase.chmod(0o644)
    named = config | {"private_key_passphrase_file": str(passphrase)}
    assert refusal(named).hint == f"chmod 600 {passphrase}"
    passphrase.chmod(0o400)
    adopted(named)


def test_a_passphrase_for_an_open_key_is_a_mistake(files):
    """A passphrase that opens nothing means that somebody expected an encrypted file."""
    config = files(MESH, CORPORATE) | {"private_key_passphrase": "open sesame"}
    assert "not encrypted" in str(refusal(config))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o620])
def test_a_key_that_others_can_read_is_refused(files, mode):
    """The error names file and setting, and the hint is the command to type."""
    config = files(MESH, CORPORATE, mode=mode)
    error = refusal(config)
    assert error.where == "ca.config.private_key_file"
    assert error.hint == f"chmod 600 {config['private_key_file']}"
    assert f"{mode:04o}" in str(error)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_key_file_is_taken(files, mode):
    """Owner-only modes are what is asked for."""
    adopted(files(MESH, CORPORATE, mode=mode))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_user_is_refused(files):
    """Who owns the file could swap the key."""
    config = files(MESH, CORPORATE)
    os.chown(config["private_key_file"], 65534, -1)
    assert refusal(config).hint.startswith("chown ")


@pytest.mark.parametrize("name", ["root_cert_file", "private_key_file"])
def test_what_is_no_readable_file_is_refused(files, tmp_path, name):
    """A missing file, a folder, a pipe and a huge file each name their setting; nothing hangs."""
    config = files(MESH, CORPORATE)
    pipe, huge = tmp_path / "pipe", tmp_path / "huge"
    os.mkfifo(pipe, 0o600)
    huge.write_bytes(b"-" * (256 * 1024 + 1))
    huge.chmod(0o600)
    for bad, said in (
        (tmp_path / "missing", "No such file"),
        (tmp_path, "not a regular file"),
        (pipe, "not a regular file"),
        (huge, "larger than"),
        ("nul\0byte", "not a path"),
    ):
        error = refusal(config | {name: str(bad)})
        assert error.where == f"ca.config.{name}"
        assert said in str(error)


def test_a_passphrase_file_is_bounded(files, tmp_path):
    """A device or a mistake in the passphrase's place is not read for ever."""
    huge = tmp_path / "huge"
    huge.write_bytes(b"x" * (256 * 1024 + 1))
    huge.chmod(0o600)
    error = refusal(files(MESH, CORPORATE) | {"private_key_passphrase_file": str(huge)})
    assert "larger than" in str(error)


@pytest.mark.parametrize(
    "text", ["", "garbage", pem_chain([MESH.certificate])[:200], "-----BEGIN CERTIFICATE-----\n"]
)
def test_a_certificate_file_that_is_no_pem_is_refused(files, text):
    """Empty, garbage and truncated text are the operator's to fix."""
    assert refusal(files(MESH, chain=text)).where == "ca.config.root_cert_file"


def test_der_is_named_as_such(files, tmp_path):
    """DER in either file is recognised, for it is the commonest mistake."""
    config = files(MESH, CORPORATE)
    (tmp_path / "ca.pem").write_bytes(MESH.certificate.public_bytes(Encoding.DER))
    assert "DER" in str(refusal(config))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        key_text(MESH.key)[:120],
        pem_chain([MESH.certificate]),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_a_key_file_that_is_no_key_is_refused(files, text):
    """Garbage, a truncated key and a certificate in its place are refused without being quoted."""
    error = refusal(files(MESH, key=text))
    assert error.where == "ca.config.private_key_file"
    assert "AAAA" not in str(error)


def test_a_key_of_an_unsupported_kind_is_refused(files):
    """DSA, a curve we do not sign with and a short RSA key never become a CA here."""
    for key in (
        dsa.generate_private_key(2048),
        ec.generate_private_key(ec.SECP224R1()),
        rsa.generate_private_key(65537, 1024),
    ):
        assert refusal(files(MESH, CORPORATE, key=key_text(key)))


def test_a_key_of_another_certificate_is_refused(files):
    """Pyca would sign with the wrong key without complaint, so it is checked here."""
    error = refusal(files(MESH, CORPORATE, key=key_text(key_for(EC, "stranger"))))
    assert "does not belong" in str(error)


FAULTY = {
    "no CA": (corporate_ca("X", key_for(EC), ca=False), "not a CA"),
    "may not sign": (corporate_ca("X", key_for(EC), usage={"key_cert_sign": False}), "keyCertSign"),
    "expired": (corporate_ca("X", key_for(EC), ends=NOW - timedelta(seconds=1)), "expired"),
    "not yet valid": (corporate_ca("X", key_for(EC), begins=NOW + timedelta(days=1)), "expired"),
    "nameless": (corporate_ca("", key_for(EC)), "subject"),
    "foreign": (
        corporate_ca("X", key_for(EC), sans=[UniformResourceIdentifier("spiffe://other.test")]),
        "spiffe://other.test",
    ),
    "no room": (corporate_ca("X", key_for(EC), path_length=0), "room"),
}


@pytest.mark.parametrize("what", FAULTY)
def test_a_ca_that_cannot_be_ours_is_refused(files, what):
    """Each fault is named, with the setting that brought it."""
    pair, said = FAULTY[what]
    error = refusal(files(pair))
    assert said in str(error)
    assert error.where == "ca.config.root_cert_file"


def test_a_chain_in_the_wrong_order_is_refused_with_the_right_one(files):
    """Issuers first, an issuer of another name, or a forged issuer do not verify upward."""
    namesake = corporate_ca("Example Corp Root", key_for(RSA, "namesake"))
    wrong = pem_chain([CORPORATE.certificate, MESH.certificate])
    assert "order" in refusal(files(CORPORATE, chain=wrong)).hint
    assert refusal(files(MESH, namesake))
    assert refusal(files(MESH, own_root()))


def test_a_root_whose_own_signature_is_broken_is_refused(files):
    """A certificate that names itself as issuer must have signed itself."""
    real = corporate_ca("Example Corp Root", key_for(EC, "real"))
    forged = corporate_ca("Example Corp Root", key_for(EC, "forged"), issuer=real)
    assert refusal(files(forged))


def test_a_ca_without_room_signs_leaves_itself(files, tmp_path):
    """With ``intermediates = false`` a CA of path length 0 serves: it is its own signer."""
    pair = corporate_ca("X", key_for(EC), path_length=0, sans=[URI])
    config = files(pair)
    assert "intermediates = false" in refusal(config).hint
    world, server = adopted(config | {"intermediates": False})
    signer = world.prepare(server)
    assert signer.chain == (pair.certificate,)
    leaf = world.sign(server)
    assert openssl_verdict(tmp_path, leaf, [], pair.certificate, at=NOW) == ""
    assert Capability.SIGN_INTERMEDIATE not in server.capabilities
    assert world.objects() == 1
    world.retire_signer(server)
    assert world.objects() == 1
    world.prepare(server, "s2")
    world.sign(server, "s2")


def test_a_ca_that_signs_leaves_itself_needs_the_right_to_sign_crls(files):
    """Without cRLSign its CRL would be worthless."""
    pair = corporate_ca("X", key_for(EC), usage={"crl_sign": False})
    assert "cRLSign" in str(refusal(files(pair) | {"intermediates": False}))


def test_one_ca_serves_one_authority(files):
    """A second id on it is refused, until the first is retired."""
    config = files(MESH, CORPORATE)
    world, first = adopted(config, "a1")
    second = world.server("a2", **config)
    with pytest.raises(ConfigError, match="a1"):
        world.ensure(second, "a2")
    world.retire(first)
    with pytest.raises(AuthorityRetiredError):
        world.ensure(world.server("a1", **config), "a1")
    assert world.records("adopted/") == []
    world.ensure(second, "a2")
    assert second.trust_chain().primary == MESH.certificate


def test_a_claim_of_a_dead_authority_binds_nobody(files):
    """A holder that was overtaken by retirement may leave a claim; the next id takes it over."""
    world, server = adopted(files(MESH, CORPORATE))
    (claim,) = world.records("adopted/")
    world.retire(server)
    world.state.create(claim, "a1")
    second = world.server("a2", **files(MESH, CORPORATE))
    world.ensure(second, "a2")
    assert world.state.get(claim) == "a2"


def test_an_issued_ca_that_signs_leaves_is_its_own_anchor(files):
    """Without intermediates the chain is the CA alone, and leaves end with its corporate issuer."""
    corporate = corporate_ca("Short", key_for(RSA, "short"), ends=NOW + timedelta(days=2))
    mesh = corporate_ca("Mesh", key_for(EC, "mesh"), issuer=corporate, sans=[URI])
    world, server = adopted(files(mesh, corporate) | {"intermediates": False})
    assert world.prepare(server).chain == (mesh.certificate,)
    leaf = world.sign(server, ttl=timedelta(days=9))
    assert leaf.not_valid_after_utc == corporate.certificate.not_valid_after_utc


@pytest.mark.parametrize("pause_at", range(4))
def test_servers_with_different_cas_end_with_one(pause_at):
    """Whoever's key stands, its certificate stands; a certificate never meets another's key."""
    world = World("builtin")
    quicker = world.server(**inline(own_root()))
    answers = []

    def meanwhile(step):
        if step == pause_at:
            answers.append(tried(world, quicker))

    slower = world.server(steps=Steps(meanwhile), **inline(MESH, CORPORATE))
    answers.append(tried(world, slower))
    chain = world.ensure(slower)
    assert chain == world.ensure(quicker)
    assert [answer for answer in answers if answer not in {chain, "another CA"}] == []
    assert chain in answers
    assert world.prepare(slower) == world.prepare(quicker)
    world.sign(slower)


def tried(world, server):
    """Return the authority, or why this server's own CA lost."""
    try:
        return world.ensure(server)
    except ConfigError as error:
        return "another CA" if "another CA" in str(error) else error


def test_asking_for_another_key_than_before_is_refused(files):
    """The key asked for is part of the id, also where an existing CA decides what it really is."""
    config = files(MESH, CORPORATE)
    world, server = adopted(config)
    with pytest.raises(RequestError):
        world.ensure(server, key=RSA)


def test_probe_reads_the_files_and_changes_nothing(files):
    """``plan`` learns that the CA fits, or why not, before anything is made."""
    world = World("builtin")
    found = world.probe(world.server(**files(MESH, CORPORATE)))
    assert not found.exists
    assert found.limits["not_after_utc"]
    with pytest.raises(ConfigError):
        world.probe(world.server(**files(MESH, CORPORATE, mode=0o644)))
    assert world.state.keys() == world.secrets.names() == ()


def test_signers_below_an_issued_ca_hold_the_whole_path(files):
    """Signer, mesh CA and corporate root are one valid path of mixed key types."""
    world, server = adopted(files(MESH, CORPORATE))
    signer = world.prepare(server)
    path = (signer.certificate, MESH.certificate, CORPORATE.certificate)
    assert path_faults(path, now=NOW) == ()
