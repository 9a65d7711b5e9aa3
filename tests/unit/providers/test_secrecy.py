"""Private keys appear in the secret store and nowhere else."""

import base64
import logging
from datetime import timedelta

import pytest
from ca_provider_builtin import ca_provider, parse_config
from cryptography.hazmat.primitives.serialization import load_der_private_key

from ca_core.contract import ConfigError, KeySpec
from tests.unit.providers.authorities import NOW, corporate_ca, inline, key_for, key_text, own_root
from tests.unit.providers.world import World


def fragments(world):
    """Return recognisable parts of every private key in the secret store, in several spellings."""
    for name in world.secrets.names():
        key = load_der_private_key(world.secrets.get(name), None)
        scalar = key.private_numbers().private_value
        raw = scalar.to_bytes(32, "big")
        yield from (raw.hex(), str(scalar), base64.b64encode(raw).decode()[4:-4], repr(raw)[2:-1])
        yield key_text(key).splitlines()[1]


def everything_said(world, server, caplog):
    """Return every text a curious operator or a log collector could see."""
    said = [repr(server), str(server), repr(server.kept), repr(vars(server)), caplog.text]
    said += [repr(server.kept.held("root")), repr(server.kept.signer("s1").pair)]
    said += [repr(world.secrets), repr(server.context), repr(server.config)]
    said += [key + world.state.get(key) for key in world.records()]
    said += [repr(server.health(deep=True)), repr(world.probe(server))]
    return said


def test_no_text_contains_a_private_key(caplog):
    """Representations, state, health, probe and logs of a working server hold no key material."""
    caplog.set_level(logging.DEBUG)
    world = World("builtin")
    server = world.started()
    world.sign(server)
    said = "\n".join(everything_said(world, server, caplog))
    found = [part for part in fragments(world) if part in said]
    assert found == []
    assert len(list(fragments(world))) == 10


def test_an_adopted_key_is_in_no_text_either(caplog):
    """An inline key is hidden in the configuration's representation and copied only to secrets."""
    config = inline(own_root())
    world = World("builtin", config=config)
    server = world.started()
    said = "\n".join(everything_said(world, server, caplog))
    body = config["private_key"].splitlines()[1]
    assert body not in said
    assert [part for part in fragments(world) if part in said] == []
    assert "<hidden>" in repr(server.config)


@pytest.mark.parametrize("spoilt", ["key_of_another", "truncated", "expired"])
def test_errors_about_a_key_do_not_quote_it(spoilt):
    """However adoption fails, message, hint and cause are free of the key and the passphrase."""
    config = inline(own_root())
    body = config["private_key"].splitlines()[1]
    match spoilt:
        case "key_of_another":
            config["private_key"] = key_text(key_for(KeySpec(), "stranger"))
            body = config["private_key"].splitlines()[1]
        case "truncated":
            config["private_key"] = config["private_key"][:90]
            body = config["private_key"].splitlines()[1][:30]
        case "expired":
            config |= inline(corporate_ca("X", key_for(KeySpec()), ends=NOW - timedelta(days=1)))
    config["private_key_passphrase"] = "open sesame"
    for raw in (config, {k: v for k, v in config.items() if k != "private_key_passphrase"}):
        world = World("builtin", config=raw)
        with pytest.raises(ConfigError) as refused:
            world.ensure(world.server())
        error = refused.value
        text = f"{error} {error.hint} {error.__cause__} {error.args}"

        assert body not in text
        assert "open sesame" not in text


def test_the_schema_marks_what_is_secret():
    """What the core must hide is marked in the schema, so it hides it without knowing us."""
    plugin = ca_provider()
    assert plugin.secret_keys() == {"private_key", "private_key_passphrase"}
    assert set(plugin.consul_names) == set(plugin.schema["properties"])
    assert plugin.consul_names["private_key"] == "PrivateKey"
    assert plugin.consul_names["root_cert"] == "RootCert"


def test_a_wrong_type_of_secret_is_not_quoted():
    """Even a value of the wrong type may be secret."""
    with pytest.raises(ConfigError) as refused:
        parse_config({"private_key": 1234567890, "root_cert": "x"})
    assert "1234567890" not in str(refused.value)
    config = parse_config({"root_cert": "x", "private_key": "k"})
    assert repr(config.private_key) == "<hidden>"
