"""What a real agent remembers: shown, asked for anew, and answered while its server is away."""

from tests.integration.api.test_outage import restart, until
from tests.integration.api.world import ME, mesh, over_unix

AGENT, HEALTH = "/v1/agent", "/v1/health"
EXACT = "/v1/connect/intentions/exact?source=web&destination=db"
ANEW = {"cache-control": "must-revalidate"}


def authorize(client, domain, **headers):
    """Ask whether ``web`` may connect to ``db``."""
    web = f"spiffe://{domain}/ns/default/dc/dc1/svc/web"
    body = {"Target": "db", "ClientCertURI": web}
    return client.post(f"{AGENT}/connect/authorize", json=body, headers=headers)


def test_what_was_written_is_seen_by_whoever_asks_anew():
    """Every time, however fast: the answer is not older than the question."""
    with mesh() as cluster, cluster.operator() as operator:
        cluster.join("n1", db=(ME,))
        with over_unix(cluster.agent_socket("n1")) as client:
            for turn in range(10):
                allowed = turn % 2 == 0
                written = operator.put(EXACT, json={"Action": "allow" if allowed else "deny"})
                assert written.status_code == 200
                answer = authorize(client, cluster.trust_domain.name, **ANEW)
                assert answer.json()["Authorized"] is allowed, turn
                assert answer.headers["x-cache"] == "MISS"
            assert authorize(client, cluster.trust_domain.name).headers["x-cache"] == "HIT"


def test_a_service_is_seen_by_whoever_asks_anew():
    """A view that is followed, asked for anew while it waits for news."""
    with mesh() as cluster:
        cluster.join("n1", web=(ME,))
        with over_unix(cluster.agent_socket("n1")) as client:
            path = f"{HEALTH}/service/web"
            assert client.get(path).json() == []
            assert client.get(path).headers["x-cache"] == "HIT"
            assert client.get(path, headers=ANEW).headers["x-cache"] == "MISS"
            assert client.put(
                f"{AGENT}/service/register", json={"Name": "web", "Port": 80}
            ).is_success
            (row,) = until(lambda: client.get(path), lambda a: a.json()).json()
            assert row["Service"]["Port"] == 80


def test_in_an_outage_each_caller_gets_what_he_said():
    """From memory with its age; or not at all; or from memory after all."""
    with mesh() as cluster:
        cluster.join("n1", db=(ME,), web=(ME,))
        with over_unix(cluster.agent_socket("n1")) as client:
            reads = {
                "roots": lambda **h: client.get(f"{AGENT}/connect/ca/roots", headers=h),
                "leaf": lambda **h: client.get(f"{AGENT}/connect/ca/leaf/web", headers=h),
                "view": lambda **h: client.get(f"{HEALTH}/service/web", headers=h),
                "authorize": lambda **h: authorize(client, cluster.trust_domain.name, **h),
            }
            for read in reads.values():
                assert read().status_code == 200
            cluster.server.close()
            until(reads["roots"], lambda a: a.headers["x-consul-knownleader"] == "false")
            for name, read in reads.items():
                assert (read().status_code, read().headers["x-cache"]) == (200, "HIT"), name
                assert read(**ANEW).status_code == 503, name
                spared = {"cache-control": "must-revalidate, stale-if-error=600"}
                assert read(**spared).status_code == 200, name
            kinds = client.get(f"{AGENT}/cache").json()["Kinds"]
            assert sum(sum(kind["Failures"].values()) for kind in kinds) >= 3
        restart(cluster)


def test_an_operator_sees_what_is_remembered_and_no_secret():
    """Every kind that was asked for, with its owner; the keys of leaves are nowhere in it."""
    with mesh() as cluster:
        cluster.join("n1", db=(ME,), web=(ME,))
        with over_unix(cluster.agent_socket("n1")) as client:
            client.get(f"{AGENT}/connect/ca/leaf/web")
            client.get(f"{HEALTH}/service/web")
            client.get("/v1/catalog/nodes")
            authorize(client, cluster.trust_domain.name)
            answer = client.get(f"{AGENT}/cache")
            found = {entry["Kind"]: entry for entry in answer.json()["Entries"]}
            assert set(found) == {"roots", "leaf", "intentions", "upstreams", "catalog"}
            assert found["leaf"]["Partitions"] == [f"uid:{ME}"]
            assert found["upstreams"]["Key"] == "service/web"
            assert "PRIVATE" not in answer.text
            metrics = client.get("/metrics").text
            assert 'ca_core_cache_entries{kind="leaf"} 1.0' in metrics
