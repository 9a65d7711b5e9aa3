"""No global state: clusters, servers and agents beside one another in one process."""

from tests.integration.api.world import mesh, over_unix


def test_two_clusters_in_one_process_share_nothing():
    """Two servers and two agents run in one process, each pair with its own root and domain."""
    with mesh() as one, mesh() as two:
        leaves = []
        for cluster, uid in ((one, 0), (two, 0)):
            cluster.join("n1", web=(uid,))
            with over_unix(cluster.agent_socket("n1")) as client:
                leaf = client.get("/v1/agent/connect/ca/leaf/web")
                roots = client.get("/v1/agent/connect/ca/roots").json()
            assert leaf.status_code == 200, leaf.text
            assert roots["TrustDomain"] == cluster.trust_domain.name
            assert leaf.json()["ServiceURI"].startswith(f"spiffe://{cluster.trust_domain}/")
            leaves.append((leaf.json()["CertPEM"], roots["ActiveRootID"]))
        assert one.trust_domain != two.trust_domain
        assert leaves[0] != leaves[1]
