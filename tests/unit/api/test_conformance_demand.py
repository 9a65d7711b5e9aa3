"""A server under a demand opens no provider without a passport, and imports nothing of it."""

import asyncio
import sys
from importlib import metadata
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca_core.acl.access import AllowAll
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.passports import signed_passport
from ca_core.authority.registry import Registry
from ca_core.clock import SystemClock
from ca_core.config import CAConfig, Config, ConformanceConfig, ServerConfig
from ca_core.errors import ConfigError, PluginConformanceError
from tests.unit.authority.installing import PROVIDER, Installed

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
MODULE = "ca_provider_for_server"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return an installed provider ``tiny``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield Installed(folder, {f"{MODULE}.py": PROVIDER}, module=MODULE)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def state():
    """Return state in memory, closed when the test ends."""
    opened = memory_state()
    yield opened
    opened.store.close()


def configured(tmp_path, *, provider="tiny", **changes):
    """Return a configuration that demands L2."""
    demand = {"require_conformance": "L2", "trusted_keys": (PEM,)}
    return Config(
        server=ServerConfig(data_dir=tmp_path),
        ca=CAConfig(provider=provider),
        conformance=ConformanceConfig(**{**demand, **changes}),
    )


def server(config, state, tiny):
    """Build a server whose environment has one provider beside the built-in one."""
    builtin = [
        point for point in metadata.distribution("ca-core").entry_points if point.name == "builtin"
    ]
    around = Surroundings(
        clock=SystemClock(),
        may=AllowAll(),
        registry=Registry(entry_points=[tiny.entry, *builtin]),
        random=Random(1),
        environment={},
    )
    return Server(config, state, around)


def test_a_server_refuses_a_provider_without_a_passport(tmp_path, tiny, state):
    """It says which provider, what is missing and how to make it; nothing of it has run."""
    with pytest.raises(PluginConformanceError) as caught:
        server(configured(tmp_path), state, tiny)
    assert "tiny (ca-provider-tiny 1.0" in str(caught.value)
    assert str(tmp_path / "passports") in str(caught.value)
    assert "ca-core provider conformance tiny" in caught.value.hint
    assert MODULE not in sys.modules


def test_a_server_opens_a_provider_with_a_passport(tmp_path, tiny, state):
    """The passport lies in the data folder unless configured."""
    (tmp_path / "passports").mkdir()
    (tmp_path / "passports" / "tiny.json").write_bytes(signed_passport(tiny.statement(), KEY))
    made = server(configured(tmp_path), state, tiny)
    assert made.manager.settings.provider == "tiny"
    assert MODULE in sys.modules


def test_a_server_without_a_demand_asks_for_nothing(tmp_path, tiny, state):
    """Trusted keys alone demand nothing."""
    assert server(configured(tmp_path, require_conformance=None), state, tiny)


def test_the_built_in_provider_runs_under_any_demand(tmp_path, tiny, state):
    """It is a part of the server."""
    assert server(configured(tmp_path, provider="builtin"), state, tiny)


def test_a_broken_trusted_key_ends_the_start(tmp_path, tiny, state):
    """A demand that cannot be checked is not silently dropped."""
    with pytest.raises(ConfigError, match=r"conformance\.trusted_keys"):
        server(configured(tmp_path, trusted_keys=("/no/such.pem",)), state, tiny)


def test_a_start_with_standing_state_stays_open_for_the_passport(tmp_path, tiny, state):
    """A server that has an authority answers from its store, and says what keeps it from signing.

    The passport may be put in its place while it runs.
    """
    assert server(configured(tmp_path, require_conformance=None), state, tiny)
    sys.modules.pop(MODULE)
    again = server(configured(tmp_path), state, tiny)

    async def opening():
        again.manager.slots.open(again.manager.place)
        async with asyncio.timeout(30):
            while "has no passport of level L2" not in again.manager.why_not_ready():
                await asyncio.sleep(0.005)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(again.manager.opened(), 0.2)
        said = again.manager.why_not_ready()
        await again.manager.close()
        return said

    assert "has no passport of level L2" in asyncio.run(opening())
    assert MODULE not in sys.modules
