"""Services of the configuration: the same words as over HTTP, and the same faults."""

import asyncio
from datetime import date

import msgspec
import pytest

from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.telling import Teller
from ca_core.api.localservices import (
    check_services,
    configured_services,
    local_services,
    outward_address,
)
from ca_core.config.model import Config
from ca_core.errors import ConfigError
from ca_core.testing.clock import FakeClock
from ca_core.wire.registered import RegisteredState, digest_of

WEB = {"name": "web", "port": 80, "checks": [{"ttl": "10s"}], "connect": {"sidecar_service": {}}}
DB = {"name": "db", "connect": {"sidecar_service": {}}, "port": 81}


def test_services_of_the_configuration_are_registered_and_known_as_such():
    """With their sidecars, each on a port of its own."""
    found = local_services(Config(services=(WEB, DB)), "n1", FakeClock(), None).state.services
    assert all(each.configured for each in found.values())
    ports = {key: each.service.port for key, each in found.items()}
    assert ports == {"web": 80, "db": 81, "web-sidecar-proxy": 21000, "db-sidecar-proxy": 21001}


def test_what_the_configuration_no_longer_names_is_gone_after_a_restart(tmp_path):
    """What programs registered is not."""
    services = local_services(Config(services=(WEB,)), "n1", FakeClock(), tmp_path)
    services.report("service:web", "passing", "fine")
    asyncio.run(services.close())
    again = local_services(Config(services=(WEB,)), "n1", FakeClock(), tmp_path)
    assert again.state.checks["service:web"].status == "passing"
    without = local_services(Config(), "n1", FakeClock(), tmp_path)
    assert not without.state.services


def test_a_sidecar_keeps_its_port_when_the_configuration_is_read_again():
    """Also if another service comes before it."""
    services = local_services(Config(services=(WEB,)), "n1", FakeClock(), None)
    wanted = configured_services(Config(services=(DB, WEB)), services.state, "n1")
    ports = {each.service.id: each.service.port for each in wanted}
    assert (ports["web-sidecar-proxy"], ports["db-sidecar-proxy"]) == (21000, 21001)


@pytest.mark.parametrize(
    ("tables", "where", "word"),
    [
        (({"name": "web"}, {"name": "a b"}), "services[1].Name", "a b"),
        (({"name": "web", "prot": 1},), "services[0].prot", "did you mean 'Port'"),
        (({"name": "web"}, {"name": "web"}), "services[1]", "web"),
        (({"name": "web", "checks": [{"grpc": "h:1"}]},), "services[0].Checks[0].GRPC", "gRPC"),
    ],
)
def test_a_fault_is_told_with_its_table(tables, where, word):
    """The agent does not start, and says what to mend."""
    with pytest.raises(ConfigError) as raised:
        local_services(Config(services=tables), "n1", FakeClock(), None)
    assert raised.value.where == where
    assert word in str(raised.value)


def test_a_file_is_checked_before_it_is_known_which_node_it_is_for():
    """Whose checks are followed is seen once the agent has a name."""
    check = {"alias_node": "n1", "name": "c"}
    config = Config(services=({"name": "web", "check": check},))
    check_services(config)
    with pytest.raises(ConfigError, match=r"services\[0\]\.Check\.AliasNode"):
        configured_services(config, LocalState(), "n2")


def test_the_address_of_this_host_is_the_one_that_reaches_the_server():
    """Nothing is sent to find it; what cannot be resolved has none."""
    assert outward_address("https://127.0.0.1:8501") == "127.0.0.1"
    assert outward_address("https://does-not-exist.invalid:1") == ""


def test_what_toml_has_and_json_has_not_is_kept_and_told_as_json():
    """Else a server would always hold something else than the agent."""
    proxy = {"destination_service_name": "web", "config": {"since": date(2030, 1, 1), "n": 2**80}}
    table = {"name": "p", "kind": "connect-proxy", "port": 1, "proxy": proxy}
    found = local_services(Config(services=(table,)), "n1", FakeClock(), None).state
    told = Teller().told(found, "").state
    stored = msgspec.json.decode(msgspec.json.encode(told), type=RegisteredState)
    assert digest_of(stored) == digest_of(told)
    assert stored.services[0].service.proxy.config["since"] == "2030-01-01"
