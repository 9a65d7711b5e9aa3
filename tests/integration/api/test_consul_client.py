"""A client library that was written for Consul, unmodified, against ``dev``."""

import consul
import pytest
from consul.exceptions import BadRequest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key


@pytest.fixture
def client(playground):
    """Return py-consul pointed at ``dev``."""
    with consul.Consul(host=playground.base_url.host, port=playground.base_url.port) as library:
        yield library


def test_roots_are_read_from_server_and_agent(client):
    """Both root endpoints parse and hold the same roots, one of them active."""
    of_server, of_agent = client.connect.ca.roots(), client.agent.connect.ca.roots()
    assert of_server == of_agent
    active = [root for root in of_server["Roots"] if root["Active"]]
    assert [root["ID"] for root in active] == [of_server["ActiveRootID"]]
    x509.load_pem_x509_certificate(active[0]["RootCert"].encode())


def test_a_leaf_is_read_with_its_key(client):
    """The leaf parses, and its key is the certificate's."""
    leaf = client.agent.connect.ca.leaf("web")
    certificate = x509.load_pem_x509_certificate(leaf["CertPEM"].encode())
    key = load_pem_private_key(leaf["PrivateKeyPEM"].encode(), password=None)
    assert key.public_key() == certificate.public_key()
    assert leaf["Service"] == "web"


def test_the_configuration_is_read_in_consuls_words(client):
    """The built-in provider is called ``consul``, and the TTLs have Consul's names."""
    found = client.connect.ca.configuration()
    assert found["Provider"] == "consul"
    assert found["Config"]["LeafCertTTL"] == "72h"


def test_a_refusal_reaches_the_program_as_the_librarys_own(client):
    """A bad service name is the library's ``BadRequest``, with our sentence in it."""
    with pytest.raises(BadRequest, match="service"):
        client.agent.connect.ca.leaf("no%20name")


def test_the_leader_is_a_string(client):
    """``/v1/status/leader`` is what the library expects."""
    assert isinstance(client.status.leader(), str)
