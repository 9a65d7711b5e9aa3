"""What agents may register: a wrong state is refused whole, with the place."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.api.http import decoded_body
from ca_core.catalog.bounds import (
    MOST_BYTES,
    MOST_CHECKS,
    MOST_DEPTH,
    MOST_SERVICES,
    check_state,
)
from ca_core.errors import RequestError
from ca_core.wire.catalog import Proxy, Upstream, Weights
from ca_core.wire.registered import RegisteredState
from tests.unit.catalog.registering import check, instance, native, proxy, state, states

LONG = "x" * 5000


def nested(levels):
    """Return configuration nested so deep."""
    return {} if not levels else {"a": [nested(levels - 1)]}


def through(**changes):
    """Return a proxy of ``db`` with something else."""
    return proxy().service.proxy.__class__(destination_service_name="db", **changes)


@given(states())
@settings(max_examples=50, deadline=None)
def test_what_agents_send_is_taken(wanted):
    """As it is, and as it comes out of JSON."""
    check_state(wanted, "n1")
    check_state(msgspec.json.decode(msgspec.json.encode(wanted), type=RegisteredState), "n1")


PLACES = {
    "Address": state(address=LONG),
    "Meta": state(meta={str(number): "x" for number in range(65)}),
    "Meta.k": state(meta={"k": "v" * 513}),
    "Services[0].Service.Service": state(instance(name="a b")),
    "Services[0].Service.ID": state(instance(id_="")),
    "Services[1].Service.ID": state(instance("1"), instance("2\n")),
    "Services[0].Service.Port": state(instance(port=65536)),
    "Services[0].Service.Tags": state(instance(tags=("t",) * 65)),
    "Services[0].Service.Meta": state(instance(meta={"k" * 129: ""})),
    "Services[0].Service.Weights.Passing": state(instance(weights=Weights(passing=0))),
    "Services[0].Service.Weights.Warning": state(instance(weights=Weights(warning=-1))),
    "Services[0].Service.SocketPath": state(instance(socket_path=LONG)),
    "Services[0].Service.TaggedAddresses": state(instance(tagged_addresses=nested(99))),
    "Services[0].Service.ModifyIndex": state(instance(modify_index=1)),
    "Services[0].Service.Kind": state(instance(kind="mesh-gateway")),
    "Services[0].Service.Connect.Native": state(native(kind="connect-proxy")),
    "Services[0].Service.Proxy.DestinationServiceName": state(instance(kind="connect-proxy")),
    "Services[0].Service.Proxy.LocalServicePort": state(
        instance(kind="connect-proxy", proxy=through(local_service_port=-1))
    ),
    "Services[0].Service.Proxy.Config": state(instance(proxy=through(config=nested(MOST_DEPTH)))),
    "Services[0].Service.Proxy.Upstreams[0].DestinationName": state(
        instance(proxy=through(upstreams=(Upstream(destination_name=""),)))
    ),
    "Services[0].Service.Proxy.Upstreams[0].LocalBindPort": state(
        instance(proxy=through(upstreams=(Upstream(destination_name="x", local_bind_port=-1),)))
    ),
    "Services[0].Checks": state(
        instance(checks=[check(f"{number:03}") for number in range(MOST_CHECKS + 1)])
    ),
    "Services[0].Checks[0].CheckID": state(instance(checks=[check("serfHealth")])),
    "Services[0].Checks[0].Node": state(instance(checks=[check(node="n2")])),
    "Services[0].Checks[0].ServiceID": state(instance(checks=[check(service_id="db")])),
    "Services[0].Checks[0].ServiceName": state(instance(checks=[check(service_name="db")])),
    "Services[0].Checks[0].Output": state(instance(checks=[check(output=LONG)])),
    "Services[0].Checks[0].ModifyIndex": state(instance(checks=[check(modify_index=1)])),
    "Services[0]": state(instance(proxy=through(config={"a": "x" * MOST_BYTES}))),
    "Services": state(*(instance(f"{number:05}") for number in range(MOST_SERVICES + 1))),
    "Checks[0].ServiceID": state(checks=(check(service_id="web-1"),)),
    "Checks": state(instance(checks=[check("a")]), checks=(check("a"),)),
}


@pytest.mark.parametrize("field", PLACES)
def test_what_is_wrong_is_named(field):
    """One fault, one place."""
    with pytest.raises(RequestError) as raised:
        check_state(PLACES[field], "n1")
    assert raised.value.field == field


@pytest.mark.parametrize("ids", [("b", "a"), ("a", "a")])
def test_instances_and_checks_come_in_order_each_once(ids):
    """Else two states that say the same had two digests."""
    ones = tuple(instance(id_) for id_ in ids)
    for wrong in (RegisteredState(services=ones), state(checks=tuple(check(id_) for id_ in ids))):
        with pytest.raises(RequestError, match="order of their ids"):
            check_state(wrong, "n1")


def test_the_deepest_and_largest_that_may_be_is_stored():
    """At the bound, not before it."""
    proxied = Proxy(destination_service_name="db", config=nested(MOST_DEPTH // 2))
    check_state(state(instance(proxy=proxied)), "n1")


NO_JSON = {
    "half a character": state(checks=(check(output="\ud800"),)),
    "half a key": state(meta={"\ud800": ""}),
    "a long number": state(instance(proxy=through(config={"n": 10**5000}))),
    "no number": state(instance(proxy=through(config={"n": object()}))),
}


@pytest.mark.parametrize("wrong", NO_JSON.values(), ids=NO_JSON)
def test_what_json_cannot_hold_is_refused(wrong):
    """However it came here: an agent in this process sends values, not bytes."""
    with pytest.raises(RequestError, match="is no JSON"):
        check_state(wrong, "n1")


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Services", "Service", "ID", "Checks", "Proxy", "Port", "Config", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(HOSTILE)
@settings(max_examples=150, deadline=None)
def test_a_body_is_a_state_or_a_request_error(body):
    """Whatever a stranger sends, it is no bug of ours."""
    try:
        check_state(decoded_body(json.dumps(body).encode(), RegisteredState), "n1")
    except RequestError:
        return
