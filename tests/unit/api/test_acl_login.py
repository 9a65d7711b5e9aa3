"""Auth methods, binding rules and login: from a JWT to a token, and out again."""

import json
import logging
from datetime import timedelta

import pytest

from ca_core.acl.access import Action
from ca_core.acl.bindingrules import BINDING_RULES
from ca_core.acl.jwks import VerifyingKey
from ca_core.acl.logins import MOST_TOKENS, drafted, logged_in
from ca_core.acl.methods import auth_method
from ca_core.acl.principal import Anonymous
from ca_core.acl.tokens import TOKENS
from ca_core.acl.verifying import proven
from ca_core.api import acl_login_handlers, acl_method_handlers, acl_token_handlers
from ca_core.api.keysets import REFRESH_SECONDS
from ca_core.contract.events import EVENT_FIELDS, EventType
from ca_core.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_core.state.protocol import Change, Row, Transaction
from ca_core.state.tables import persistent
from ca_core.state.view import View
from ca_core.testing.clock import START
from tests.unit.acl.jwts import AUDIENCE, ISSUER, body, forged, jwk, jwks, key, pem, signed
from tests.unit.api.acling import Room, caller

NOW = int(START.timestamp())
KEYS = (VerifyingKey(key().public_key()),)


def method(**config):
    """Return the body of an auth method that believes ``ISSUER``."""
    plain = {
        "JWTValidationPubKeys": [pem(key())], "BoundIssuer": ISSUER, "BoundAudiences": [AUDIENCE],
        "ClaimMappings": {"sub": "app", "env": "env"}, "ListClaimMappings": {"groups": "groups"},
    }  # fmt: skip
    kept = {name: value for name, value in (plain | config).items() if value is not None}
    return {"Name": "ci", "Type": "jwt", "Config": kept}


@pytest.fixture
def room():
    """Return a room without auth methods."""
    made = Room()
    yield made
    made.store.close()


@pytest.fixture
async def ready(room):
    """Return a room where a JWT with a subject gets the identity of that service."""
    await room.method(**method())
    await room.rule(AuthMethod="ci", BindType="service", BindName="${value.app}")
    return room


async def test_a_jwt_becomes_a_token_of_the_service(ready):
    """It may be that service and nothing else; the secret is in this answer alone."""
    made = await ready.login(signed(sub="web"), Meta={"run": "7"})
    assert ready.known(made["SecretID"]) == made["AccessorID"]
    assert made["ServiceIdentities"] == [{"ServiceName": "web"}]
    assert made["AuthMethod"] == "ci"
    assert made["Description"] == 'token created via login: {"run": "7"}'
    assert ready.may(caller(made), Action.SERVICE_WRITE, "web")
    assert not ready.may(caller(made), Action.SERVICE_WRITE, "db")
    assert (await ready.read(made["AccessorID"]))["SecretID"] == "<hidden>"


@pytest.mark.parametrize(
    ("ttl", "exp", "expected"),
    [("", 7200, 3600), ("24h", 600, 660), ("2m", 3600, 120), ("24h", -30, 30)],
)
async def test_a_login_ends_with_its_jwt_at_the_latest(room, ttl, exp, expected):
    """And with the method's ``MaxTokenTTL``; an hour where that says nothing."""
    await room.method(**(method() | {"MaxTokenTTL": ttl}))
    await room.rule(AuthMethod="ci", BindType="service", BindName="${value.app}")
    made = await room.login(signed(sub="web", exp=NOW + exp))
    room.clock.advance(timedelta(seconds=expected - 1))
    assert room.known(made["SecretID"])
    room.clock.advance(timedelta(seconds=1))
    assert room.known(made["SecretID"]) is None


async def test_every_rule_that_applies_gives_something(ready):
    """Services and policies together, each once; a policy that is not there gives nothing."""
    await ready.policy("ops")
    ops = '"ops" in list.groups and value.env == "prod"'
    await ready.rule(AuthMethod="ci", BindType="policy", BindName="ops", Selector=ops)
    await ready.rule(AuthMethod="ci", BindType="policy", BindName="not-there")
    await ready.rule(AuthMethod="ci", BindType="service", BindName="x-${value.app}")
    await ready.rule(AuthMethod="ci", BindType="service", BindName="x-${value.app}")
    some = await ready.login(signed(sub="web"))
    assert "Policies" not in some
    everything = await ready.login(signed(sub="web", env="prod", groups=["eng", "ops"]))
    assert [each["Name"] for each in everything["Policies"]] == ["ops"]
    names = sorted(each["ServiceName"] for each in everything["ServiceIdentities"])
    assert names == ["web", "x-web"]


HOSTILE = {
    "none": forged({"alg": "none"}),
    "hmac": forged({"alg": "HS256"}, secret=pem(key()).encode()),
    "another key": signed(key("attacker"), sub="web"),
    "its own key": signed(key("attacker"), headers={"jwk": jwk(key("attacker"))}, sub="web"),
    "a path as kid": signed(key("attacker"), headers={"kid": "../../dev/null"}, sub="web"),
    "expired": signed(exp=NOW - 61, sub="web"),
    "not yet": signed(nbf=NOW + 3600, sub="web"),
    "another audience": signed(aud="other", sub="web"),
    "another issuer": signed(iss="https://evil.example", sub="web"),
    "no subject": signed(),
    "a path as subject": signed(sub="../web"),
    "everybody as subject": signed(sub="*"),
    "nested": forged({"alg": "ES256"}, b"[" * 5000),
    "huge": "A" * 500_000,
    "garbage": "x.y.z",
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_every_refusal_looks_the_same(ready, caplog, case):
    """One message, whatever was wrong; the reason is in the log, and nothing is written."""
    caplog.set_level(logging.DEBUG)
    before = ready.store.snapshot.index
    with pytest.raises(DeniedError) as refused:
        await ready.login(HOSTILE[case])
    assert str(refused.value) == "Permission denied: the login was not accepted"
    assert refused.value.hint == "the server's log says why"
    assert "login by 'ci' refused: " in caplog.text
    assert HOSTILE[case][:60] not in caplog.text or len(HOSTILE[case]) < 60
    assert ready.store.snapshot.index == before


async def test_an_unknown_method_is_no_different(ready):
    """Nobody learns which methods there are."""
    with pytest.raises(DeniedError, match="the login was not accepted"):
        await ready.login(signed(sub="web"), method="other")


async def test_a_login_that_gets_nothing_is_refused(room):
    """Without any rule that applies there is no token."""
    await room.method(**method())
    with pytest.raises(DeniedError, match="the login was not accepted"):
        await room.login(signed(sub="web"))


@pytest.mark.parametrize("given", [{}, {"AuthMethod": "ci"}, {"BearerToken": "x"}])
async def test_a_login_names_its_method_and_its_jwt(ready, given):
    """What is missing is the caller's fault, and named."""
    with pytest.raises(RequestError, match="is missing"):
        await ready.ask(acl_login_handlers.login, given, who=Anonymous())


async def test_logout_is_for_logins(ready):
    """It removes the caller's own token at once; others are not theirs to remove so."""
    made = await ready.login(signed(sub="web"))
    assert await ready.ask(acl_login_handlers.logout, who=caller(made)) is True
    assert ready.known(made["SecretID"]) is None
    other = await ready.token()
    for who in (caller(made), caller(other), Anonymous()):
        with pytest.raises(DeniedError):
            await ready.ask(acl_login_handlers.logout, who=who)
    assert ready.known(other["SecretID"])


async def test_a_method_goes_with_its_rules_and_its_logins(ready):
    """However many there are; other tokens stay."""
    made = [await ready.login(signed(sub="web")) for _ in range(60)]
    other = await ready.token()
    listed = await ready.tokens("authmethod=ci")
    assert len(listed) == 60
    assert await ready.ask(acl_method_handlers.delete_method, name="ci") is True
    assert await ready.ask(acl_method_handlers.list_rules) == []
    assert not any(ready.known(each["SecretID"]) for each in made)
    assert ready.known(other["SecretID"])
    with pytest.raises(NotFoundError):
        await ready.ask(acl_method_handlers.read_method, name="ci")


async def test_methods_and_rules_are_read_and_changed(ready):
    """What was written comes back; a list has no configuration; the same again is no change."""
    found = await ready.ask(acl_method_handlers.read_method, name="ci")
    assert found["Config"]["BoundIssuer"] == ISSUER
    assert (found["MaxTokenTTL"], found["Config"]["ClockSkewLeeway"]) == ("1h", "1m")
    [stub] = await ready.ask(acl_method_handlers.list_methods)
    assert stub == {key: value for key, value in found.items() if key != "Config"}
    before = ready.store.snapshot.index
    assert await ready.ask(acl_method_handlers.update_method, found, name="ci") == found
    assert ready.store.snapshot.index == before
    [rule] = await ready.ask(acl_method_handlers.list_rules, query="authmethod=ci")
    assert await ready.ask(acl_method_handlers.read_rule, id=rule["ID"]) == rule
    changed = rule | {"Selector": 'value.env == "prod"'}
    await ready.ask(acl_method_handlers.update_rule, changed, id=rule["ID"])
    with pytest.raises(DeniedError):
        await ready.login(signed(sub="web"))
    assert await ready.ask(acl_method_handlers.delete_rule, id=rule["ID"]) is True
    assert await ready.ask(acl_method_handlers.list_rules, query="authmethod=x") == []


WRONG_METHODS = {
    "Type": method() | {"Type": "kubernetes"},
    "Name": method() | {"Name": "a/b"},
    "MaxTokenTTL": method() | {"MaxTokenTTL": "25h"},
    "TokenLocality": method() | {"TokenLocality": "local"},
    "TokenNameFormat": method() | {"TokenNameFormat": "x"},
    "Config": method(JWKSFile="/x"),
    "Config.JWKSURL": method(JWTValidationPubKeys=None, JWKSURL="http://example.org/jwks"),
    "Config.JWKSFile": method(JWTValidationPubKeys=None, JWKSFile="jwks.json"),
    "Config.JWKSCACert": method(JWKSCACert="x"),
    "Config.JWTValidationPubKeys[0]": method(JWTValidationPubKeys=["x"]),
    "Config.JWTSupportedAlgs": method(JWTSupportedAlgs=["HS256"]),
    "Config.BoundIssuer": method(BoundIssuer=""),
    "Config.BoundAudiences": method(BoundAudiences=[]),
    "Config.ClaimMappings": method(ClaimMappings={"/a/b": "x"}),
    "Config.ListClaimMappings": method(ListClaimMappings={"a": "x y"}),
    "Config.ClockSkewLeeway": method(ClockSkewLeeway="6m"),
    "body": method(OIDCDiscoveryURL="https://x"),
}


@pytest.mark.parametrize("field", WRONG_METHODS)
async def test_a_wrong_method_is_refused_with_its_place(room, field):
    """Nothing is accepted that would not be so; and nothing weak."""
    with pytest.raises(RequestError) as refused:
        await room.method(**WRONG_METHODS[field])
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["ClaimMappings", "ListClaimMappings"])
async def test_two_claims_never_share_a_name(room, field):
    """Which of them a rule would mean, nobody could say."""
    with pytest.raises(RequestError, match="two claims have one name"):
        await room.method(**method(**{field: {"a": "x", "b": "x"}}))


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "https://", "//x", "http://127.0.0.1.evil.example/", "https://a:b@x/", "http://[",
     "https://x:99999/", "http://10.0.0.1/", "https://x/\n"],
)  # fmt: skip
async def test_keys_come_over_tls_or_loopback(room, url):
    """Whoever stands between could name the keys; addresses that only look so are no loopback."""
    with pytest.raises(RequestError, match="JWKSURL"):
        await room.method(**method(JWTValidationPubKeys=None, JWKSURL=url))


WRONG_RULES = {
    "AuthMethod": {"AuthMethod": "other"},
    "Selector": {"Selector": 'value.nothing == "x"'},
    "BindName": {"BindName": "${value.nothing}"},
    "BindType": {"BindType": "node"},
    "BindVars": {"BindVars": {"x": 1}},
    "ID": {"ID": "b85e9d08-1a05-4a9e-a3b3-1d4f4dd6f9c1"},
    "Description": {"Description": "x" * 513},
}


@pytest.mark.parametrize("field", WRONG_RULES)
async def test_a_wrong_rule_is_refused_with_its_place(ready, field):
    """A rule that would never apply, or that is not understood, is not kept."""
    plain = {"AuthMethod": "ci", "BindType": "service", "BindName": "x"}
    with pytest.raises(RequestError) as refused:
        await ready.rule(**(plain | WRONG_RULES[field]))
    assert refused.value.field == field


async def test_a_method_keeps_what_its_rules_speak_of(ready):
    """A mapping that a rule needs cannot be taken away beneath it; nor is a name given twice."""
    changed = method(ClaimMappings={"sub": "other"})
    with pytest.raises(RequestError, match="'app' is not in"):
        await ready.ask(acl_method_handlers.update_method, changed, name="ci")
    with pytest.raises(ConflictError):
        await ready.method(**method())
    with pytest.raises(NotFoundError):
        await ready.ask(acl_method_handlers.update_method, method() | {"Name": ""}, name="x")


async def test_methods_and_rules_need_the_right(ready):
    """As tokens do: ``acl:read`` to see, ``acl:write`` to change."""
    who = caller(await ready.token())
    for handler, params in (
        (acl_method_handlers.list_methods, {}),
        (acl_method_handlers.read_method, {"name": "ci"}),
        (acl_method_handlers.list_rules, {}),
    ):
        with pytest.raises(DeniedError, match="acl:read"):
            await ready.ask(handler, who=who, **params)
    for asked in (
        ready.method(who=who, **method()),
        ready.rule(who=who),
        ready.ask(acl_method_handlers.delete_method, who=who, name="ci"),
    ):
        with pytest.raises(DeniedError, match="acl:write"):
            await asked


async def test_keys_of_a_file_are_read_again_for_a_new_kid(room, tmp_path):
    """A rotated key is known with the first JWT that names it, and asked for once a minute."""
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(jwk(key(), kid="one")))
    await room.method(**method(JWTValidationPubKeys=None, JWKSFile=str(file)))
    await room.rule(AuthMethod="ci", BindType="service", BindName="${value.app}")
    assert await room.login(signed(headers={"kid": "one"}, sub="web"))
    file.write_bytes(jwks(jwk(key("two"), kid="two")))
    second = signed(key("two"), headers={"kid": "two"}, sub="web")
    with pytest.raises(DeniedError):
        await room.login(second)
    room.clock.advance(timedelta(seconds=REFRESH_SECONDS))
    assert await room.login(second)
    with pytest.raises(DeniedError):
        await room.login(signed(headers={"kid": "one"}, sub="web"))


async def test_a_file_that_cannot_be_read_is_the_servers_fault(room, tmp_path):
    """The caller may try again; nothing about the file is told."""
    file = tmp_path / "secret.json"
    await room.method(**method(JWTValidationPubKeys=None, JWKSFile=str(file)))
    with pytest.raises(UnavailableError) as away:
        await room.login(signed(sub="web"))
    assert "secret.json" not in str(away.value)


async def test_a_jwt_is_in_no_log_and_no_row(ready, caplog):
    """Neither the one that was believed, nor its token's secret, nor a refused one."""
    caplog.set_level(logging.DEBUG)
    good, bad = signed(sub="web"), signed(key("attacker"), sub="web")
    made = await ready.login(good)
    with pytest.raises(DeniedError):
        await ready.login(bad)
    everything = ready.stored() + caplog.text + json.dumps(await ready.tokens())
    for secret in (good, bad, made["SecretID"], *good.split(".")[1:]):
        assert secret not in everything
    assert body()["iss"] in ready.stored()


async def test_a_logins_token_is_not_cloned(ready):
    """A clone would have no JWT that ends it."""
    made = await ready.login(signed(sub="web"))
    with pytest.raises(RequestError, match="a login made"):
        await ready.ask(acl_token_handlers.clone, {}, accessor=made["AccessorID"])


async def test_every_change_is_told_once(ready, caplog):
    """Who did what to which, without a secret; what changes nothing tells nothing."""
    caplog.set_level(logging.INFO, "ca_core.acl")
    ready.told.clear()
    made = await ready.login(signed(sub="web"))
    who = caller(made)
    found = await ready.ask(acl_method_handlers.read_method, name="ci")
    await ready.ask(acl_method_handlers.update_method, found, name="ci")
    await ready.ask(acl_login_handlers.logout, who=who)
    token = await ready.token()
    await ready.update(token["AccessorID"], Description="x")
    policy = await ready.policy("p")
    await ready.delete(token["AccessorID"])
    await ready.delete(token["AccessorID"])
    await ready.ask(acl_method_handlers.delete_method, name="ci")
    assert {what for what, _ in ready.told} == {EventType.ACL_CHANGED}
    assert all(set(each) == set(EVENT_FIELDS[EventType.ACL_CHANGED]) for _, each in ready.told)
    assert [tuple(each.values()) for _, each in ready.told] == [
        ("token", "created", made["AccessorID"], "anonymous"),
        ("token", "deleted", made["AccessorID"], f"token:{made['AccessorID']}"),
        ("token", "created", token["AccessorID"], "uid 0 (pid 1)"),
        ("token", "changed", token["AccessorID"], "uid 0 (pid 1)"),
        ("policy", "created", policy["ID"], "uid 0 (pid 1)"),
        ("token", "deleted", token["AccessorID"], "uid 0 (pid 1)"),
        ("auth method", "deleted", "ci", "uid 0 (pid 1)"),
    ]
    assert len(caplog.records) == len(ready.told)
    assert caplog.messages[-1] == "auth method ci was deleted by uid 0 (pid 1)"


async def test_a_rule_of_a_former_method_does_not_come_back(ready):
    """One that was written while its method went gives nothing to a new method of that name."""
    [rule] = await ready.ask(acl_method_handlers.list_rules)
    row = ready.store.snapshot.get(BINDING_RULES, rule["ID"]).value
    await ready.ask(acl_method_handlers.delete_method, name="ci")
    ready.store.commit(Transaction(changes=(Change(BINDING_RULES, rule["ID"], row),)))
    await ready.method(**method())
    assert await ready.ask(acl_method_handlers.list_rules) == []


async def test_a_login_counts_by_the_method_that_stands(ready):
    """One that changed while its JWT was looked at is asked again; a full store takes no more."""
    found = proven(signed(sub="web"), auth_method(ready.store.snapshot, "ci").config, KEYS, START)
    old = auth_method(ready.store.snapshot, "ci")
    view = ready.store.snapshot
    draft = drafted(view, old, found, "d", START)
    changed = method() | {"MaxTokenTTL": "2m"}
    await ready.ask(acl_method_handlers.update_method, changed, name="ci")
    with pytest.raises(DeniedError):
        logged_in(ready.store.snapshot, old, draft, ("a", "s"), START)
    assert logged_in(view, old, draft, ("a", "s"), START).changes
    rows = {f"t{n}": Row(b"{}", 1, 1) for n in range(MOST_TOKENS)}
    full = View(1, "e", persistent({TOKENS: rows}))
    with pytest.raises(RateLimitedError):
        logged_in(full, old, draft, ("a", "s"), START)
