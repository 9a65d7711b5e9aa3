"""Consul's way to change the CA configuration: spelling, secrets, waiting, answers."""

import asyncio
import json
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.acl.access import LocalRules
from ca_core.acl.principal import Node, Peer
from ca_core.api.consul_configuration import put_configuration
from ca_core.api.http import Request
from ca_core.api.problems import status_of
from ca_core.api.root_handlers import configuration
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.authority.rows import CONFIGURATION
from ca_core.config.model import CAConfig, Config
from ca_core.errors import ConflictError, DeniedError, Error, RequestError
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.rows import OperationPhase, operations
from ca_core.state.secrets import SECRETS
from ca_core.testing.clock import FakeClock
from tests.unit.api.asking import asking
from tests.unit.api.test_cluster_handlers import world

ROOT = Peer(uid=0, gid=0, pid=1)
VAULT = {
    "address": "https://vault:8200",
    "namespace": "mesh",
    "root_pki_path": "roots",
    "auth_method": {"type": "approle", "params": {"role_id": "r", "secret_id": "s3cret"}},
}


def got(room) -> dict:
    """Return what GET answers."""
    answer = asyncio.run(configuration(room, asking(principal=ROOT)))
    return json.loads(answer.body)


async def read(room) -> dict:
    """Return what GET answers, within a loop."""
    return json.loads((await configuration(room, asking(principal=ROOT))).body)


def putting(body, query="", principal=ROOT) -> Request:
    """Return a PUT."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asking(query, method="PUT", body=raw, principal=principal)


def nested(levels: int) -> dict:
    """Return objects within objects, that many."""
    whole: dict = {}
    for _ in range(levels):
        whole = {"a": whole}
    return whole


async def refused(room, body, **options) -> Error:
    """Return why a PUT is refused; it changed nothing."""
    before = room.store.snapshot.tables
    with pytest.raises(Error) as caught:
        await put_configuration(room, putting(body, **options))
    assert room.store.snapshot.tables == before
    return caught.value


def server(ca) -> Server:
    """Return a server that runs nothing: enough for what stands."""
    around = Surroundings(
        clock=FakeClock(),
        may=LocalRules(owner_uid=0),
        registry=Registry(),
        random=Random(1),
        environment={},
    )
    return Server(Config(ca=ca), memory_state(), around)


HOURS = st.integers(1, 24).map(lambda number: timedelta(hours=number))
OWN = {
    "builtin": st.sampled_from(
        [
            {},
            {"intermediates": False},
            {"external_issuer": True, "disable_cross_signing": True},
            {"root_cert": "PEM", "private_key": "s3cret"},
        ]
    ),
    "vault": st.sampled_from([VAULT, {"address": "http://v", "token": "s3cret", "concurrency": 3}]),
}


@st.composite
def sections(draw):
    """Return a ``[ca]`` section of one of the providers that are shipped."""
    provider = draw(st.sampled_from(sorted(OWN)))
    key_type, bits = draw(st.sampled_from([("ec", 256), ("rsa", 3072), ("ed25519", 256)]))
    short = draw(st.booleans())
    return CAConfig(
        provider=provider,
        leaf_ttl=timedelta(seconds=90) if short else draw(HOURS),
        unsafe_short_ttls=short,
        key_type=key_type,
        key_bits=bits,
        csr_max_per_second=draw(st.sampled_from([0.0, 0.5, 50.0])),
        trust_corporate_root=draw(st.booleans()),
        strict_key_usage=draw(st.booleans()),
        config=draw(OWN[provider]),
    )


@settings(max_examples=15, deadline=None)
@given(sections())
def test_putting_back_what_get_gave_changes_nothing(ca):
    """Whatever the provider and the settings; no secret is seen, none is lost."""
    built = server(ca)
    try:
        before = built.store.snapshot.tables
        shown = got(built.room)
        assert "s3cret" not in json.dumps(shown)
        for body in (shown, {"Provider": shown["Provider"], "Config": shown["Config"]}):
            answer = asyncio.run(put_configuration(built.room, putting(body)))
            assert (answer.status, answer.body) == (200, b"")
        assert built.store.snapshot.tables == before
    finally:
        built.store.close()


async def test_a_hundred_equal_puts_write_nothing():
    """Identical is no change, however often; in our spelling and in capitals too."""
    async with world() as built:
        shown = await read(built.room)
        shouted = {name.upper(): value for name, value in shown["Config"].items()}
        before = built.room.store.snapshot.index
        for number in range(100):
            config = shouted if number % 2 else shown["Config"]
            provider = "builtin" if number % 3 else "consul"
            body = {"Provider": provider, "Config": config}
            assert (await put_configuration(built.room, putting(body))).status == 200
        assert built.room.store.snapshot.index == before


async def test_another_key_is_another_root_and_the_answer_comes_once_it_signs():
    """200 without a body, as Consul; who left keys out gets their defaults."""
    async with world(leaf_ttl=timedelta(hours=9)) as built:
        body = {"Provider": "consul", "Config": {"PrivateKeyType": "ed25519"}}
        answer = await put_configuration(built.room, putting(body))
        assert (answer.status, answer.body) == (200, b"")
        shown = await read(built.room)
        assert shown["Config"]["PrivateKeyType"] == "ed25519"
        assert shown["Config"]["LeafCertTTL"] == "72h"
        assert operations(built.room.store.snapshot)[-1].kind == "rotate"


async def test_after_a_minute_the_answer_is_where_to_look_and_the_operation_goes_on():
    """Another change is refused with its id meanwhile, and may be asked for after an abort."""
    async with world() as built:
        await built.join(await built.token())  # it counts, and acknowledges nothing
        body = {"Provider": "consul", "Config": {"PrivateKeyType": "ed25519"}}
        task = asyncio.ensure_future(put_configuration(built.room, putting(body)))
        while not task.done():
            await asyncio.sleep(0.001)
            if open_one(built) is not None:
                built.clock.advance(timedelta(seconds=1))
        answer = task.result()
        row = open_one(built)
        assert answer.status == 202
        assert answer.headers["location"] == f"/v1/connect/ca/operations/{row.id}"
        assert json.loads(answer.body)["Progress"]["Missing"][0]["Node"] == "n1"
        assert built.clock.now() - row.started >= timedelta(seconds=60)
        other = {"Provider": "consul", "Config": {"PrivateKeyType": "rsa"}}
        error = await refused_while_open(built.room, other)
        assert status_of(error) == 409
        assert row.id in str(error)
        quick = await put_configuration(built.room, putting(await read(built.room)))
        assert quick.status == 200  # what stands is no change, whatever goes on


def open_one(built):
    """Return the distributed operation, or None."""
    found = operations(built.room.store.snapshot)
    is_out = found and found[-1].phase is OperationPhase.DISTRIBUTED
    return found[-1] if is_out else None


async def refused_while_open(room, body) -> Error:
    """Return why a PUT is refused while an operation goes on by itself; no secret is kept of it."""
    before = room.store.snapshot.table(SECRETS)
    body["Config"] |= {"RootCert": "PEM", "PrivateKey": "s3cret"}
    with pytest.raises(ConflictError) as caught:
        await put_configuration(room, putting(body | {"Config": body["Config"]}))
    assert room.store.snapshot.table(SECRETS) == before
    return caught.value


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"null", "body"),
        (b"\xff{", "body"),
        (b"[]", "body"),
        ({}, "body"),
        ({"Provider": "consul", "ClusterID": "x"}, "body"),
        ({"Provider": "consul", "Config": 7}, "body"),
        ({"Provider": ""}, "Provider"),
        ({"Provider": "vault"}, "Config"),
        ({"Provider": "consul", "State": {"a": "b"}}, "State"),
        ({"Provider": "consul", "Config": {"LeafCertTTL": "30m"}}, "Config.LeafCertTTL"),
        ({"Provider": "consul", "Config": {"LeafCertTTL": 72}}, "Config.LeafCertTTL"),
        ({"Provider": "consul", "Config": {"leafcertttl": "9000h"}}, "Config.LeafCertTTL"),
        (
            {"Provider": "consul", "Config": {"IntermediateCertTTL": "100h"}},
            "Config.IntermediateCertTTL",
        ),
        ({"Provider": "consul", "Config": {"RootCertTTL": "100h"}}, "Config.RootCertTTL"),
        ({"Provider": "consul", "Config": {"PrivateKeyBits": 224}}, "Config.PrivateKeyBits"),
        ({"Provider": "consul", "Config": {"PrivateKeyType": []}}, "Config.PrivateKeyType"),
        ({"Provider": "consul", "Config": nested(40)}, "Config"),
        ({"Provider": "consul", "Config": nested(600)}, "Config"),
        ({"Provider": "consul", "Config": {"CSRMaxPerSecond": -1}}, "Config.CSRMaxPerSecond"),
        ({"Provider": "consul", "Config": {"CSRMaxPerSecond": 1e-300}}, "Config.CSRMaxPerSecond"),
        ({"Provider": "consul", "Config": {"SkipValidate": True}}, "Config.SkipValidate"),
        ({"Provider": "consul", "Config": {"Intermediates": "no"}}, "Config.Intermediates"),
        ({"Provider": "consul", "Config": {"RootCert": "x"}}, "Config.PrivateKey"),
        (
            {"Provider": "consul", "Config": {"RootCert": "x", "root_cert": "y"}},
            "Config.root_cert",
        ),
        ({"Provider": "consul", "Config": {"PrivateKey": "<hidden:1>"}}, "Config.PrivateKey"),
        (
            {"Provider": "vault", "Config": {"Address": "v", "Token": "x"}},
            "Config.Address",
        ),
    ],
)
async def test_what_is_wrong_is_answered_with_400_and_its_field(body, field):
    """Never with 500, and nothing is written."""
    async with world() as built:
        error = await refused(built.room, body)
        assert status_of(error) == 400, error
        assert isinstance(error, RequestError)
        assert error.field == field


async def test_an_unknown_provider_is_named_and_nobody_but_operators_may_ask():
    """400 and 403."""
    async with world() as built:
        error = await refused(built.room, {"Provider": "nobody"})
        assert status_of(error) == 400
        assert "nobody" in str(error)
        place = {"trust_domain": built.server.manager.trust_domain, "datacenter": "dc1"}
        agent = Node(identity=AgentId(**place, node="n1"), key_digest="0")
        shown = await read(built.room)
        assert isinstance(await refused(built.room, shown, principal=agent), DeniedError)


async def test_an_old_index_is_refused_and_the_present_one_is_taken():
    """Compare and set, as Consul's clients that send back what they read."""
    async with world() as built:
        shown = await read(built.room)
        shown["Config"]["LeafCertTTL"] = "5h"
        assert (await put_configuration(built.room, putting(shown))).status == 200
        error = await refused(built.room, shown)
        assert isinstance(error, ConflictError)
        assert error.field == "ModifyIndex"
        again = await read(built.room)
        assert again["ModifyIndex"] == built.room.store.snapshot.get(CONFIGURATION, "ca").version
        assert (await put_configuration(built.room, putting(again))).status == 200


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Address": "https://thief:8200"}, "address"),
        ({"Namespace": "other"}, "namespace"),
        ({"TLSSkipVerify": True}, "unsafe_tls_skip_verify"),
        ({"CAFile": "/tmp/ca.pem"}, "ca_file"),
        ({"RootPKIPath": "other"}, "root_pki_path"),
        ({"AuthMethod": "<hidden:0000000000000000>"}, "not the one shown"),
    ],
)
def test_a_hidden_secret_goes_nowhere_else(changed, why):
    """What decides where it goes must be as it stands; the field to send again is named."""
    built = server(CAConfig(provider="vault", config=VAULT))
    try:
        shown = got(built.room)
        assert shown["Config"]["AuthMethod"].startswith("<hidden:")
        body = {"Provider": "vault", "Config": shown["Config"] | changed}
        error = asyncio.run(refused(built.room, body))
        assert status_of(error) == 400
        assert error.field == "Config.AuthMethod"
        assert why in str(error)
        moved = {"Provider": "consul", "Config": {"PrivateKey": shown["Config"]["AuthMethod"]}}
        error = asyncio.run(refused(built.room, moved))
        assert (status_of(error), error.field) == (400, "Config.PrivateKey")
    finally:
        built.store.close()
