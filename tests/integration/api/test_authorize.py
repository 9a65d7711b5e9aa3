"""Authorize between real servers, real agents and a client library of Consul, unmodified."""

import time
from statistics import median

import consul
import httpx
import pytest
from consul.exceptions import ACLPermissionDenied, BadRequest
from cryptography import x509
from typer.testing import CliRunner

from ca_core.cli.main import app
from ca_core.config.access import ACLConfig
from tests.integration.api.test_tokens import made, revoked
from tests.integration.api.world import ME, dev, mesh, over_tcp, over_unix

AUTHORIZE = "/v1/agent/connect/authorize"
SERIAL = "04:00:00:00:00:01:31:97:9f"
SOON = 0.1
"""Seconds from writing an intention to an agent deciding by it, at half of the tries."""


@pytest.fixture(scope="module")
def host():
    """Return a server with an agent whose workload ``db`` is ours."""
    with mesh(acl=ACLConfig(default_policy="deny")) as built:
        built.join("n1", db=(ME,), api=(ME,))
        yield built


def client_uri(built, service):
    """Return a service's SPIFFE ID in this mesh."""
    return f"spiffe://{built.trust_domain}/ns/default/dc/dc1/svc/{service}"


def written(built, source, destination, action):
    """Write an intention as an operator."""
    query = f"source={source}&destination={destination}"
    with built.operator() as operator:
        answer = operator.put(f"/v1/connect/intentions/exact?{query}", json={"Action": action})
    assert answer.json() is True


def until(asked, allowed):
    """Return the seconds until the answer is this; fail after ten."""
    began = time.perf_counter()
    while asked() is not allowed:
        assert time.perf_counter() - began < 10
    return time.perf_counter() - began


def test_an_intention_decides_at_an_agent_within_100_ms(host):
    """Written at the server, over TLS, at half of the tries sooner; never from an old answer."""
    with over_unix(host.agent_socket("n1")) as local:
        body = {"Target": "db", "ClientCertURI": client_uri(host, "cart")}

        def asked():
            return local.post(AUTHORIZE, json=body).json()["Authorized"]

        assert asked() is False
        assert local.post(AUTHORIZE, json=body).headers["x-cache"] == "HIT"
        delays = []
        for turn in range(10):
            written(host, "cart", "db", "deny" if turn % 2 else "allow")
            delays.append(until(asked, allowed=turn % 2 == 0))
    assert median(delays) < SOON


def test_the_agent_shows_what_it_decided_and_what_it_holds(host):
    """In the metrics and in its description; POST and PUT alike."""
    with over_unix(host.agent_socket("n1")) as local:
        body = {"Target": "api", "ClientCertURI": client_uri(host, "web")}
        for method in ("POST", "PUT"):
            assert local.request(method, AUTHORIZE, json=body).json()["Authorized"] is False
        refused = local.get(AUTHORIZE)
        assert (refused.status_code, "POST" in refused.headers["allow"]) == (405, True)
        metrics = local.get("/metrics").text
        assert (
            'ca_core_authorize_total{destination="api",outcome="deny",why="acl_default"} 2.0'
            in metrics
        )
        held = local.get("/v1/agent/self").json()["Stats"]["intentions"]
        assert held["destinations"] >= 1
        assert held["last_error"] == ""


def test_a_client_of_consul_authorizes_with_a_token_in_the_header(host):
    """Its own service: yes or no; another: permission denied; revoked: at once."""
    accessor, secret = made(host, "db")
    written(host, "web", "db", "allow")
    url = httpx.URL(host.agents["n1"].url)
    with consul.Consul(host=url.host, port=url.port, token=secret) as library:
        authorize = library.agent.connect.authorize

        def asked():
            return authorize("db", client_uri(host, "web"), SERIAL)["Authorized"]

        until(asked, allowed=True)
        answer = authorize("db", client_uri(host, "job"), SERIAL)
        assert answer == {"Authorized": False, "Reason": "Default behavior configured by ACLs"}
        with pytest.raises(ACLPermissionDenied, match="service:write"):
            authorize("api", client_uri(host, "web"), SERIAL)
        with pytest.raises(BadRequest, match="not a valid Connect identifier"):
            authorize("db", "tubes", SERIAL)
        revoked(host, accessor)
        with pytest.raises(ACLPermissionDenied, match="ACL not found"):
            until(asked, allowed=False)  # never: it is refused before anything is decided


def test_a_leaf_of_the_mesh_is_verified_by_the_agent(host):
    """Its own leaf, shown as ``ClientCert``: taken; without its chain, or for another: denied."""
    written(host, "api", "db", "allow")
    with over_unix(host.agent_socket("n1")) as local:
        leaf = local.get("/v1/agent/connect/ca/leaf/api").json()
        body = {"Target": "db", "ClientCertURI": client_uri(host, "api")}

        def asked(chain=leaf["CertPEM"], **more):
            answer = local.post(AUTHORIZE, json={**body, "ClientCert": chain, **more}).json()
            return answer["Authorized"]

        until(asked, allowed=True)
        assert asked(ClientCertURI=client_uri(host, "web")) is False
        end = "-----END CERTIFICATE-----"
        if leaf["CertPEM"].count(end) > 1:
            assert asked(leaf["CertPEM"].partition(end)[0] + end) is False
    with host.as_agent("n1") as agent:
        pems = agent.get("/v1/cluster/crls").json()["CRLs"]
    assert [len(x509.load_pem_x509_crl(pem.encode())) for pem in pems] == [0]


def test_the_command_line_asks_the_agent(host, tmp_path):
    """0 if the client may, 1 if not, 2 for what is wrong; a chain is read from a file."""
    written(host, "api", "db", "allow")
    where = ("--http-addr", f"unix:{host.agent_socket('n1')}")

    def asked(*arguments):
        done = CliRunner().invoke(app, ["intention", "authorize", *arguments, *where])
        return done.exit_code, done.output

    until(lambda: asked("db", client_uri(host, "api"))[0] == 0, allowed=True)
    code, said = asked("db", client_uri(host, "job"))
    assert (code, said) == (1, "Denied: Default behavior configured by ACLs\n")
    chain = tmp_path / "client.pem"
    with over_unix(host.agent_socket("n1")) as local:
        chain.write_text(local.get("/v1/agent/connect/ca/leaf/api").json()["CertPEM"])
    assert asked("db", client_uri(host, "api"), "--cert", str(chain))[0] == 0
    assert asked("db", client_uri(host, "job"), "--cert", str(chain))[0] == 1


def test_without_a_token_nobody_authorizes_over_tcp(host):
    """The anonymous token has no right; what is wrong with the request is told first."""
    with over_tcp(host.agents["n1"].url) as anybody:
        body = {"Target": "db", "ClientCertURI": client_uri(host, "web")}
        answer = anybody.post(AUTHORIZE, json=body)
        assert answer.status_code == 403
        assert "anonymous token lacks permission 'service:write' on \"db\"" in answer.text
        assert anybody.post(AUTHORIZE, json={}).status_code == 400
        unknown = anybody.post(AUTHORIZE, json=body, headers={"X-Consul-Token": "x"})
        assert unknown.status_code == 403
        assert "Could not resolve token to authorizer: ACL not found" in unknown.text
        empty = anybody.post(AUTHORIZE, json={}, headers={"X-Consul-Token": "x"})
        assert "Target service must be specified" in empty.text


def test_a_client_of_consul_drives_intentions_check_match_and_authorize_with_its_token():
    """Against ``dev`` that denies: with the token all of it, without it nothing."""
    with dev(acl=ACLConfig(default_policy="deny")) as anybody:
        secret = anybody.put("/v1/acl/bootstrap").json()["SecretID"]
        domain = anybody.get("/v1/agent/connect/ca/roots").json()["TrustDomain"]
        uri = f"spiffe://{domain}/ns/default/dc/dc1/svc/web"
        url = anybody.base_url
        with consul.Consul(host=url.host, port=url.port, token=secret) as library:
            intentions, authorize = library.connect.intentions, library.agent.connect.authorize
            assert authorize("db", uri, SERIAL)["Authorized"] is False
            assert intentions.upsert("web", "db", action="allow") is True
            until(lambda: authorize("db", uri, SERIAL)["Authorized"], allowed=True)
            assert intentions.check("web", "db") is True
            assert [one["SourceName"] for one in intentions.match("destination", "db")["db"]]
            assert intentions.delete("web", "db") is True
            until(lambda: authorize("db", uri, SERIAL)["Authorized"], allowed=False)
        with consul.Consul(host=url.host, port=url.port) as library:
            with pytest.raises(ACLPermissionDenied):
                library.agent.connect.authorize("db", uri, SERIAL)
            with pytest.raises(ACLPermissionDenied):
                library.connect.intentions.upsert("web", "db", action="allow")
