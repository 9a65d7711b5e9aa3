"""Which names an identity carries without asking."""

import ipaddress

import pytest

from ca_core.acl.names import foreign_names, own_name
from ca_core.identity.spiffe import AgentId, GatewayId, ServerId, ServiceId, TrustDomain

PLACE = {"trust_domain": TrustDomain("mesh"), "datacenter": "dc1"}


@pytest.mark.parametrize("name", ["web", "WEB", "web.example.org", "Web.x", "localhost"])
def test_own_names_and_localhost_need_no_right(name):
    """The service's name, the same with a domain, and this machine; case does not matter."""
    assert foreign_names("web", (name,), ()) == ()


@pytest.mark.parametrize("own", ["Web", "WEB"])
def test_a_service_that_differs_by_case_owns_no_name_of_the_other(own):
    """A right on ``WEB`` is none on ``web``, and DNS names have no case."""
    names = ("web", "WEB", "web.example.org", own)
    assert foreign_names(own, names, ()) == names
    assert foreign_names(own, ("localhost",), ()) == ()


@pytest.mark.parametrize(
    "name", ["bank", "webx", "xweb", "x.web", "web-1", "example.web", "localhost.evil", "we"]
)
def test_other_names_are_foreign(name):
    """Nothing that merely begins or ends like it is its own."""
    assert foreign_names("web", (name,), ()) == (name,)


def test_only_loopback_addresses_are_free():
    """Every other address says where something runs, which a service does not know."""
    texts = ("127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "0.0.0.0", "::", "192.0.2.1", "fe80::1")
    addresses = tuple(ipaddress.ip_address(text) for text in texts)
    assert foreign_names("web", (), addresses) == texts[3:]


def test_an_identity_without_a_name_owns_none():
    """Servers and gateways carry no name of their own; an empty one matches nothing."""
    assert [own_name(kind(**PLACE)) for kind in (ServerId, GatewayId)] == ["", ""]
    assert foreign_names("", ("", ".x", "x"), ()) == ("", ".x", "x")


def test_services_and_agents_own_their_names():
    """The service's, the node's."""
    assert own_name(ServiceId(**PLACE, service="web")) == "web"
    assert own_name(AgentId(**PLACE, node="n1")) == "n1"
