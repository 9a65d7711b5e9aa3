import ipaddress

import pytest

from ca_core.errors import RequestError
from ca_core.identity.csr import (
    check_dns_name,
    subject_alternative_name,
)
from ca_core.identity.spiffe import ServiceId, TrustDomain

TD = TrustDomain("1234.consul")
WEB = ServiceId(trust_domain=TD, datacenter="dc1", service="web")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "*",
        "*.a",
        "a b",
        "a:8443",
        "-a",
        "a-",
        "é",
        "a\n",
        "a" * 64,
        "a/b",
        "a@b",
        "a." * 127 + "a",
    ],
)
def test_what_is_no_host_name_is_refused(name: str):
    """Wildcards, ports, empty and overlong labels, more than 253 characters."""
    with pytest.raises(RequestError, match="is not a host name"):
        check_dns_name(name)


@pytest.mark.parametrize("name", ["a", "web.local", "w_1.x", "A-1", "1.2.3.4", "a" * 63])
def test_a_host_name_is_accepted(name: str):
    """Underscores too: service names carry them."""
    check_dns_name(name)


def test_the_san_of_our_profile_is_ordered():
    """URI, then DNS names, then addresses."""
    found = subject_alternative_name(WEB, ("b", "a"), (ipaddress.ip_address("10.0.0.1"),))
    assert [name.value for name in found] == [
        str(WEB),
        "b",
        "a",
        ipaddress.ip_address("10.0.0.1"),
    ]
