"""What is demanded of a provider before it is imported."""

import dataclasses
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca_core.authority.demand import MAX_FILES, ConformanceDemand, demand_of
from ca_core.authority.installed import described
from ca_core.authority.passports import StatedResult, signed_passport
from ca_core.authority.registry import Registry
from ca_core.config import Config, ConformanceConfig, ServerConfig, load_config
from ca_core.contract import ProviderPlugin
from ca_core.errors import ConfigError, PluginConformanceError
from ca_core.testing import reference_plugin
from tests.unit.authority.installing import PROVIDER, Installed

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
MODULE = "ca_provider_for_demand"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return an installed distribution whose provider can be loaded."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield Installed(folder, {f"{MODULE}.py": PROVIDER}, module=MODULE)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def demand(tmp_path):
    """Return a demand for L2 by one trusted key, and its empty folder."""
    (tmp_path / "passports").mkdir()
    return ConformanceDemand(level="L2", keys=(KEY.public_key(),), folder=tmp_path / "passports")


def put(demand, passport, name="tiny.json"):
    """Put a passport where the server looks for it."""
    (demand.folder / name).write_bytes(passport)


def opened(tiny, demand):
    """Ask a registry under the demand for the provider."""
    return Registry(entry_points=[tiny.entry]).demanding(demand.admit).get("tiny")


def refusal(tiny, demand):
    """Return why the provider is refused; nothing of it was imported."""
    with pytest.raises(PluginConformanceError) as caught:
        opened(tiny, demand)
    assert MODULE not in sys.modules
    return caught.value


def test_a_provider_with_a_passport_is_imported(tiny, demand):
    """The right statement by a trusted key opens the door."""
    put(demand, signed_passport(tiny.statement(), KEY))
    assert isinstance(opened(tiny, demand), ProviderPlugin)


def test_a_refusal_names_the_provider_what_is_missing_and_the_command(tiny, demand):
    """Whoever reads it knows what to do."""
    error = refusal(tiny, demand)
    assert "tiny (ca-provider-tiny 1.0" in str(error)
    assert "level L2" in str(error)
    assert str(demand.folder) in str(error)
    assert "ca-core provider conformance tiny" in error.hint
    assert "--sign-key" in error.hint
    assert error.level == "L2"


def _at_level(level):
    """Return the changes of a statement that reached a level and was asked for no more."""
    results = tuple(
        StatedResult(id=f"a.l{n}", level=f"L{n}", outcome="passed")
        for n in range(int(level[1]) + 1)
    )
    return {"level_asked": level, "level_reached": level, "results": results}


FAILING = tuple(
    StatedResult(id=f"a.l{n}", level=f"L{n}", outcome=outcome)
    for n, outcome in enumerate(["passed", "failed", "passed"])
)

UNTRUE = {
    "of another provider under this name": ({"distribution": "ca-provider-other"}, "distribution"),
    "of another version": ({"version": "1.1"}, "version"),
    "of another entry point": ({"entry_point": "json"}, "entry point"),
    "of other files": ({"distribution_sha256": "0" * 64}, "distribution hash"),
    "of another contract": ({"contract": 2}, "contract version 2"),
    "of a lower level": (_at_level("L1"), "states level L1"),
    "that asked for more than was reached": (
        {"level_reached": "L0", "results": FAILING},
        "states level L0",
    ),
    "of no level": (
        {"level_reached": None, "results": (FAILING[1],)},
        "states level none",
    ),
}


@pytest.mark.parametrize("kind", UNTRUE)
def test_a_passport_that_speaks_of_something_else_admits_nobody(tiny, demand, kind):
    """However well it is signed."""
    changes, fault = UNTRUE[kind]
    put(demand, signed_passport(tiny.statement(**changes), KEY))
    assert fault in str(refusal(tiny, demand))


def test_a_passport_of_another_provider_is_not_even_mentioned(tiny, demand):
    """It is somebody else's."""
    put(demand, signed_passport(tiny.statement(provider="other"), KEY))
    assert "there is none in" in str(refusal(tiny, demand))


def test_a_higher_level_is_enough(tiny, demand):
    """A level includes those below it."""
    put(demand, signed_passport(tiny.statement(**_at_level("L3")), KEY))
    assert opened(tiny, demand)


def test_a_strangers_signature_admits_nobody(tiny, demand):
    """Only the keys that the operator named count."""
    put(demand, signed_passport(tiny.statement(), OTHER_KEY))
    assert "no trusted key" in str(refusal(tiny, demand))


def test_a_file_changed_after_the_passport_admits_nobody(tiny, demand):
    """The passport is for the bytes that were tried."""
    put(demand, signed_passport(tiny.statement(), KEY))
    (tiny.folder / f"{MODULE}.py").write_text(PROVIDER + "\nPATCHED = True\n")
    assert f"{MODULE}.py was changed" in str(refusal(tiny, demand))


def test_a_changed_file_with_a_changed_record_admits_nobody(tiny, demand):
    """Mending RECORD after a change makes it another distribution."""
    put(demand, signed_passport(tiny.statement(), KEY))
    changed = PROVIDER + "\nPATCHED = True\n"
    (tiny.folder / f"{MODULE}.py").write_text(changed)
    from tests.unit.authority.installing import row_of

    rows = tiny.record.read_text()
    old, new = (row_of(f"{MODULE}.py", text.encode()) for text in (PROVIDER, changed))
    tiny.record.write_text(rows.replace(old, new))
    assert "distribution hash" in str(refusal(tiny, demand))


def test_an_editable_installation_is_refused_with_the_next_step(tiny, demand):
    """It has no files of its own."""
    put(demand, signed_passport(tiny.statement(), KEY))
    tiny.make_editable()
    assert "editable" in str(refusal(tiny, demand))


def test_one_good_passport_among_bad_files_is_enough(tiny, demand):
    """A broken neighbour in the folder disturbs nobody."""
    put(demand, b"{", "a.json")
    put(demand, signed_passport(tiny.statement(version="0.9"), KEY), "b.json")
    put(demand, signed_passport(tiny.statement(), KEY), "c.json")
    (demand.folder / "d.json").mkdir()
    assert opened(tiny, demand)


def test_bad_files_are_named_and_counted(tiny, demand):
    """The first few faults are told, the rest are counted."""
    for number in range(5):
        put(demand, b"{", f"{number}.json")
    text = str(refusal(tiny, demand))
    assert "0.json: no passport" in text
    assert "and 2 more" in text


def test_a_folder_is_not_read_without_end(tiny, demand):
    """Beyond a bound nothing is looked at."""
    for number in range(MAX_FILES):
        put(demand, b"{", f"a{number:04}.json")
    put(demand, signed_passport(tiny.statement(), KEY), "z.json")
    refusal(tiny, demand)


def test_a_missing_folder_is_an_empty_one(tiny, demand):
    """Nobody has to make it beforehand."""
    nowhere = dataclasses.replace(demand, folder=demand.folder / "nowhere")
    assert "there is none" in str(refusal(tiny, nowhere))


def test_a_descriptor_without_a_distribution_is_refused(demand):
    """What is handed over by a program cannot be told by its bytes."""
    registry = Registry(entry_points=(), extra={"own": reference_plugin()})
    assert registry.get("own")
    with pytest.raises(PluginConformanceError, match="not installed"):
        registry.demanding(demand.admit).get("own")


def test_a_provider_imported_before_is_asked_for_again(tiny, demand):
    """A registry under a demand does not take over what one without it had loaded."""
    free = Registry(entry_points=[tiny.entry])
    assert free.get("tiny")
    with pytest.raises(PluginConformanceError):
        free.demanding(demand.admit).get("tiny")
    assert free.get("tiny")


def test_the_built_in_provider_needs_none(demand):
    """It is a part of the program that would check it, under both of its names."""
    registry = Registry().demanding(demand.admit)
    assert registry.get("builtin")
    assert registry.get("consul")


def test_another_provider_of_the_same_package_needs_one(tiny, demand):
    """The exemption is for one name, not for whatever its package brings."""
    origin = dataclasses.replace(described(tiny.entry), distribution="ca-core")
    with pytest.raises(PluginConformanceError):
        demand.admit(tiny.entry, origin)


def test_no_passport_admits_the_chaos_provider(tiny, demand):
    """It would bring in whatever it surrounds, and that is asked for nothing."""
    statement = tiny.statement(provider="chaos")
    put(demand, signed_passport(statement, KEY), "chaos.json")
    origin = dataclasses.replace(described(tiny.entry), name="chaos")
    with pytest.raises(PluginConformanceError, match="imports another provider"):
        demand.admit(tiny.entry, origin)


def test_a_stranger_of_the_built_in_name_needs_one(tiny, demand):
    """The exemption is for one package, not for whoever takes the name."""
    origin = dataclasses.replace(described(tiny.entry), name="builtin")
    with pytest.raises(PluginConformanceError):
        demand.admit(tiny.entry, origin)


def test_nothing_is_demanded_unless_configured():
    """By default every installed provider may be opened."""
    assert demand_of(Config()) is None


def test_a_demand_comes_from_the_configuration(tmp_path):
    """Level, keys, and a folder in the data folder unless named."""
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    config = Config(
        server=ServerConfig(data_dir=tmp_path),
        conformance=ConformanceConfig(require_conformance="L1", trusted_keys=(pem,)),
    )
    found = demand_of(config)
    assert (found.level, found.folder) == ("L1", tmp_path / "passports")
    assert found.keys == (KEY.public_key(),)


def test_a_demand_without_trusted_keys_is_a_mistake():
    """It could never be met, and is told when the configuration is read."""
    with pytest.raises(ConfigError, match=r"conformance\.trusted_keys") as caught:
        load_config(None, environ={}, flags={"conformance.require_conformance": "L2"})
    assert caught.value.hint


def test_a_level_that_does_not_exist_is_a_mistake():
    """L0 to L4 are all there are."""
    with pytest.raises(ConfigError, match="require-conformance"):
        load_config(None, environ={}, flags={"conformance.require_conformance": "L5"})
