"""Which JWTs are believed, and that nothing forged is."""

from datetime import timedelta

import pytest

from ca_core.acl.jwks import ALGORITHMS, MOST_KEYS, VerifyingKey, keys_of, public_key
from ca_core.acl.verifying import MOST_JWT, MOST_TRIED, UnprovenError, proven
from ca_core.errors import RequestError
from ca_core.testing.clock import START
from tests.unit.acl.jwts import (
    AUDIENCE,
    body,
    config,
    forged,
    jwk,
    jwks,
    key,
    part,
    pem,
    signed,
)

ONE = (VerifyingKey(key().public_key(), "k1"),)
NOW = int(START.timestamp())


def believed(token, *, keys=ONE, now=START, **more):
    """Return what a JWT says."""
    return proven(token, config(**more), keys, now)


def refused(token, reason, **options):
    """Say that a JWT is refused for this reason, which the caller does not see."""
    with pytest.raises(UnprovenError) as found:
        believed(token, **options)
    assert reason in found.value.reason
    assert str(found.value) == "Permission denied: the login was not accepted"
    assert token[:40] not in found.value.reason or not token


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES384", "EdDSA"])
def test_every_kind_of_key_is_served(algorithm):
    """A JWT by any of the asymmetric algorithms is believed with its own key, from a JWKS too."""
    kind = {"PS384": "RS256"}.get(algorithm, algorithm)
    private = key("own", kind)
    token = signed(private, algorithm, sub="web")
    found = believed(token, keys=keys_of(jwks(jwk(private, algorithm))))
    assert found.claims.values == {"sub": "web"}
    assert believed(token, keys=(public_key(pem(private), "f"),)) == found


def test_claims_have_the_methods_names_and_types():
    """Texts and lists of texts; what has another type, or no name, is not there."""
    token = signed(sub="web", env=7, groups=["a", 1, "b", None], other="x")
    found = believed(token).claims
    assert found.values == {"sub": "web"}
    assert found.lists == {"groups": ("a", "b")}
    assert believed(signed(sub=["web"], groups="a")).claims.values == {}


def test_none_is_no_algorithm():
    """In whatever case, with and without a signature."""
    for name in ("none", "None", "NONE", "nOnE", ""):
        refused(forged({"alg": name, "typ": "JWT"}), "algorithm")


def test_a_public_key_is_never_a_secret():
    """HMAC over PEM or DER of the key that everybody knows is refused by its algorithm."""
    for secret in (pem(key()).encode(), pem(key()).strip().encode()):
        refused(forged({"alg": "HS256", "typ": "JWT"}, secret=secret), "algorithm 'HS256'")
    assert not any(name.startswith("HS") for name in ALGORITHMS)


def test_an_algorithm_that_the_method_does_not_name_is_refused():
    """What is asymmetric may be narrowed; it is never widened by a row."""
    refused(signed(), "algorithm", algorithms=("RS256",))
    refused(forged({"alg": "HS256"}, secret=b"x"), "algorithm", algorithms=("HS256",))


def test_keys_of_the_header_are_not_looked_at():
    """An attacker's own key in ``jwk``, or a place to fetch it from, changes nothing."""
    mine = key("attacker")
    for extra in (
        {"jwk": jwk(mine)}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example"},
        {"x5c": ["AA=="]}, {"kid": "k1"},
    ):  # fmt: skip
        refused(signed(mine, headers=extra), "no key verifies it")


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "/etc/passwd", "' OR 1=1 --", "\x00", "k1 ", "K1", "x" * 1000]
)
def test_a_kid_only_chooses(kid):
    """It is compared, and never a path, a query or a part of one."""
    refused(signed(headers={"kid": kid}), "no key verifies it (0 tried)")


@pytest.mark.parametrize(
    "header",
    [{"alg": ["ES256"]}, {"alg": None}, {}, {"alg": "ES256", "kid": 1}, {"alg": "ES256", "kid": {}},
     {"alg": "ES256", "crit": ["x"]}, {"alg": "ES256", "crit": []}],
)  # fmt: skip
def test_a_strange_header_is_refused(header):
    """Other types, and anything that must be understood."""
    with pytest.raises(UnprovenError):
        believed(forged(header))


def test_nothing_critical_is_understood():
    """Not even where the signature is right, and whatever is said to be critical."""
    for critical in (["exp"], ["x"]):
        with pytest.raises(UnprovenError):
            believed(signed(headers={"crit": critical, "x": 1}))


def test_a_key_of_another_kind_never_verifies():
    """RSA algorithms take RSA keys; a curve takes its own; a JWKS may bind a key to one."""
    rsa, p384 = key("own", "RS256"), key("own", "ES384")
    keys = (VerifyingKey(rsa.public_key()), VerifyingKey(p384.public_key()))
    refused(signed(), "(0 tried)", keys=keys)
    bound = keys_of(jwks(jwk(rsa, "RS256", alg="RS256")))
    refused(signed(rsa, "PS256"), "(0 tried)", keys=bound)
    assert believed(signed(rsa, "RS256"), keys=bound)


def test_every_changed_character_is_noticed():
    """Header, claims and signature are one; another's signature is no signature."""
    head, claims, signature = signed(sub="web").split(".")
    _, other, _ = signed(sub="db").split(".")
    refused(f"{head}.{other}.{signature}", "no key verifies")
    refused(f"{part({'alg': 'ES256', 'x': 1})}.{claims}.{signature}", "no key verifies")
    refused(f"{head}.{claims}.", "no key verifies")


TIMES = {
    "expired": ({"exp": NOW - 60}, "it has expired"),
    "no end": ({"exp": None}, "it never ends"),
    "not yet": ({"nbf": NOW + 61}, "not valid yet (nbf)"),
    "from the future": ({"iat": NOW + 61}, "not valid yet (iat)"),
    "a text": ({"exp": "tomorrow"}, "exp is no time"),
    "a truth": ({"exp": True}, "exp is no time"),
    "beyond time": ({"exp": 10**30}, "exp is no time"),
    "the end of time": ({"exp": 253402300799}, "exp is no time"),
    "negative": ({"exp": -(10**30)}, "exp is no time"),
    "a list": ({"nbf": [1]}, "nbf is no time"),
}


@pytest.mark.parametrize("case", TIMES)
def test_a_jwt_counts_in_its_time_alone(case):
    """Within the skew, and never without an end."""
    claims, reason = TIMES[case]
    refused(signed(**claims), reason)


def test_clocks_may_differ_by_the_skew():
    """One second before its bounds a JWT is believed; the token's end includes the skew."""
    found = believed(signed(exp=NOW - 59, nbf=NOW + 60, iat=NOW + 60))
    assert found.until == START + timedelta(seconds=1)
    refused(signed(exp=NOW), "expired", skew=timedelta())


PARTIES = {
    "another issuer": {"iss": "https://evil.example"},
    "an issuer that begins so": {"iss": "https://ci.example/"},
    "no issuer": {"iss": None},
    "a list of issuers": {"iss": ["https://ci.example"]},
    "another audience": {"aud": "other"},
    "no audience": {"aud": None},
    "no audience in it": {"aud": []},
    "an audience that holds ours": {"aud": "mesh.evil"},
    "a table": {"aud": {"mesh": 1}},
    "numbers": {"aud": [1, 2]},
}


@pytest.mark.parametrize("case", PARTIES)
def test_a_jwt_for_or_by_somebody_else_does_not_count(case):
    """Issuer and audience are compared whole."""
    refused(signed(**PARTIES[case]), "its ")


def test_one_audience_of_several_is_enough():
    """In the JWT as in the method."""
    assert believed(signed(aud=["x", AUDIENCE]))
    assert believed(signed(aud="b"), audiences=("a", "b"))


GARBAGE = {
    "nothing": "",
    "a word": "abc",
    "dots": "..",
    "four parts": "a.b.c.d",
    "no base64": "!!.!!.!!",
    "binary": "\ufffd.\udcff.x",
    "a deep header": f"{part(b'[' * 9000)}.e30.",
    "a list as header": f"{part([1])}.e30.",
    "huge": "e30." + "A" * MOST_JWT,
    "five parts (JWE)": "e30.e30.e30.e30.e30",
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_is_refused_like_everything_else(case):
    """Whatever is sent, the answer is the same refusal and never a bug."""
    with pytest.raises(UnprovenError):
        believed(GARBAGE[case])


@pytest.mark.parametrize("inner", [b"[" * 5000, b"[1]", b"null", b"{", b'"x"', b"\xff\xfe"])
def test_claims_that_are_no_object_are_refused(inner):
    """Even if the issuer signed them: deep, lists, broken, no text."""
    from jwt.api_jws import PyJWS

    token = PyJWS().encode(inner, key(), algorithm="ES256")
    with pytest.raises(UnprovenError):
        believed(token)


def test_many_keys_cost_few_verifications():
    """Without a ``kid`` only a few keys are tried; with one, exactly those of that name."""
    names = [f"k{n}" for n in range(MOST_TRIED + 1)]
    keys = tuple(VerifyingKey(key(name).public_key(), name) for name in names)
    refused(signed(key("k3")), "too many keys", keys=keys)
    assert believed(signed(key("k3"), headers={"kid": "k3"}), keys=keys)
    refused(signed(key("k3"), headers={"kid": "k4"}), "(1 tried)", keys=keys)


def test_a_jwks_is_read_for_signatures_alone():
    """Secrets, private keys, encryption keys, small and unknown ones are left out."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    bitcoin = ec.generate_private_key(ec.SECP256K1())
    useless = [
        {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "alg": "ES256"},
        jwk(key(), use="enc"),
        jwk(key(), d="AQAB"),
        jwk(key(), alg="HS256"),
        jwk(key(), alg="RS256"),
        jwk(key(), kid=7),
        jwk(small, "RS256"),
        jwk(bitcoin, "ES256"),
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": 5, "e": []},
        {"kty": "unknown"},
    ]
    found = keys_of(jwks(*useless, jwk(key(), kid="good")))
    assert [each.kid for each in found] == ["good"]


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'{"keys": 5}', b'{"keys": [5]}', b'{"keys": {"a": 1}}',
     b"[" * 100_000, b"\xff", jwks(*[jwk(key())] * (MOST_KEYS + 1))],
)  # fmt: skip
def test_what_is_no_jwks_is_refused(text):
    """Broken, of other types, deep, or with more keys than anybody needs."""
    with pytest.raises(RequestError, match="JWKS"):
        keys_of(text)


def test_a_pem_key_must_be_public_and_strong():
    """Certificates, private keys, small and foreign ones are none."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from ca_core.identity.leafcsr import key_pem

    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for text in ("", "x", key_pem(key()), pem(small), pem(ec.generate_private_key(ec.SECP256K1()))):
        with pytest.raises(RequestError, match="field"):
            public_key(text, "field")


def test_the_honest_one_is_believed():
    """The claims that the other tests break are enough as they are."""
    assert believed(signed()).until == START + timedelta(seconds=3660)
    assert set(body()) == {"iss", "aud", "iat", "nbf", "exp"}
