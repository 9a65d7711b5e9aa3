import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from ca_core.errors import RequestError
from ca_core.identity.keys import (
    ALL_KEY_SPECS,
    KeySpec,
    KeyType,
    allowed_bits,
    check_leaf_key,
    generate_key,
    key_spec_of,
    parse_key_spec,
    signature_hash,
)

SMALL = [spec for spec in ALL_KEY_SPECS if not (spec.type is KeyType.RSA and spec.bits > 2048)]
STRANGE = [
    ec.generate_private_key(ec.SECP256K1()),
    ec.generate_private_key(ec.BrainpoolP256R1()),
    ec.generate_private_key(ec.SECP224R1()),
    ed448.Ed448PrivateKey.generate(),
    dsa.generate_private_key(1024),
]


def test_there_are_seven_kinds_of_ca_key():
    """Ec 256/384/521, rsa 2048/3072/4096, ed25519."""
    names = "ec-256 ec-384 ec-521 rsa-2048 rsa-3072 rsa-4096 ed25519"
    assert " ".join(str(spec) for spec in ALL_KEY_SPECS) == names


@pytest.mark.parametrize("spec", SMALL, ids=str)
def test_a_generated_key_is_of_its_kind_and_good_enough_for_a_leaf(spec: KeySpec):
    """What we make, we recognise and accept."""
    key = generate_key(spec)
    assert key_spec_of(key.public_key()) == spec
    check_leaf_key(key.public_key())


@pytest.mark.parametrize(
    ("key_type", "bits"), [("ec", 224), ("ec", 255), ("rsa", 1024), ("rsa", 2049), ("ed25519", 25)]
)
def test_another_size_is_refused_with_the_sizes_there_are(key_type: str, bits: int):
    """The message lists what would have been right."""
    with pytest.raises(RequestError, match=str(allowed_bits(KeyType(key_type))[0])):
        parse_key_spec(key_type, bits)


def test_an_unknown_key_type_is_refused_with_the_types_there_are():
    """The message lists all three."""
    with pytest.raises(RequestError, match="ec, rsa, ed25519"):
        parse_key_spec("dsa")


@pytest.mark.parametrize("kind", KeyType)
def test_without_bits_the_smallest_size_is_meant(kind: KeyType):
    """``ec`` alone is P-256, ``rsa`` alone 2048."""
    assert parse_key_spec(kind.value) == KeySpec(kind, allowed_bits(kind)[0])


@pytest.mark.parametrize("key", STRANGE, ids=lambda key: type(key).__name__)
def test_a_strange_key_is_no_ca_key_and_no_leaf_key(key):
    """A curve of 256 bits that is not P-256 is not taken for it."""
    with pytest.raises(RequestError):
        key_spec_of(key.public_key())
    with pytest.raises(RequestError):
        check_leaf_key(key.public_key())


@pytest.mark.parametrize(
    ("modulus", "exponent", "sound"),
    [
        (2**2047 + 1, 65537, True),
        (2**2046 + 1, 65537, False),
        (2**8191 + 1, 65537, True),
        (2**8192 + 1, 65537, False),
        (2**2047 + 1, 3, False),
        (2**2047 + 1, 2**64 + 1, False),
        (2**2047 + 1, 2**63 + 1, True),
    ],
)
def test_rsa_leaf_keys_have_bounds_below_and_above(modulus: int, exponent: int, sound: bool):  # noqa: FBT001 - a table
    """2048 to 8192 bits; the exponent is neither tiny nor so large that checking costs."""
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    if sound:
        check_leaf_key(key)
        return
    with pytest.raises(RequestError, match="RSA with 2048 to 8192"):
        check_leaf_key(key)


def test_the_hash_follows_the_signing_key():
    """As strong as the curve; SHA-256 for RSA; none for EdDSA, which brings its own."""
    assert isinstance(signature_hash(generate_key(KeySpec(KeyType.EC, 256))), hashes.SHA256)
    assert isinstance(signature_hash(generate_key(KeySpec(KeyType.EC, 384))), hashes.SHA384)
    assert isinstance(signature_hash(generate_key(KeySpec(KeyType.EC, 521))), hashes.SHA512)
    assert isinstance(signature_hash(generate_key(KeySpec(KeyType.RSA, 2048))), hashes.SHA256)
    assert signature_hash(ed25519.Ed25519PrivateKey.generate()) is None
