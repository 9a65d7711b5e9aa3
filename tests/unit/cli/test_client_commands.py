"""Tests of the commands that ask an API, against a small fake of it."""

import json
import stat

import pytest

from ca_core.identity.certificates import parse_certificates

ROOTS, AGENT_ROOTS = "/v1/connect/ca/roots", "/v1/agent/connect/ca/roots"
LEAF = "/v1/agent/connect/ca/leaf/web"


class TestRoots:
    def test_people_see_trust_domain_state_and_end(self, run, api, roots_answer):
        """The table says who is trusted, who signs and until when."""
        api.answer("GET", ROOTS, roots_answer)
        result = run("ca", "roots", "--http-addr", api.url)
        assert result.exit_code == 0
        for word in ("x.consul", "active", "test CA", "ec 256", "in 39 y", "aa:bb"):
            assert word in result.stdout

    def test_json_is_the_apis_answer(self, run, api, roots_answer):
        """Programs get Consul's document, unchanged."""
        api.answer("GET", ROOTS, roots_answer)
        result = run("ca", "roots", "--http-addr", api.url, "--output", "json")
        assert json.loads(result.stdout) == roots_answer

    def test_pem_is_pem_and_nothing_else(self, run, api, roots_answer):
        """The output can be redirected into a file that every tool reads."""
        api.answer("GET", ROOTS, roots_answer)
        result = run("ca", "roots", "--pem", "--http-addr", api.url)
        assert len(parse_certificates(result.stdout)) == 1
        assert result.stdout.startswith("-----BEGIN")

    def test_an_agent_is_asked_for_its_own_copy(self, run, api, roots_answer):
        """Where there is no server, the agent's roots are the roots."""
        api.answer("GET", AGENT_ROOTS, roots_answer)
        assert run("ca", "roots", "--http-addr", api.url).exit_code == 0

    def test_the_address_comes_from_the_environment(self, run, api, roots_answer, monkeypatch):
        """Consul's variable works, and ours goes before it."""
        api.answer("GET", ROOTS, roots_answer)
        monkeypatch.setenv("CONSUL_HTTP_ADDR", "127.0.0.1:1")
        assert run("ca", "roots").exit_code == 3
        monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
        assert run("ca", "roots").exit_code == 0

    def test_a_name_from_elsewhere_cannot_steer_the_terminal(self, run, api, roots_answer):
        """Control characters in a root's name are replaced."""
        roots_answer["Roots"][0]["Name"] = "a\x1b]0;title\x07"
        api.answer("GET", ROOTS, roots_answer)
        assert "\x1b" not in run("ca", "roots", "--http-addr", api.url).stdout


class TestConfiguration:
    def test_both_forms_show_what_the_api_shows(self, run, api):
        """The provider and its keys are shown as the API hides and shows them."""
        answer = {"Provider": "builtin", "Config": {"LeafCertTTL": "72h", "PrivateKey": "<hidden>"}}
        api.answer("GET", "/v1/connect/ca/configuration", answer)
        text = run("ca", "get-config", "--http-addr", api.url).stdout
        assert "builtin" in text
        assert "<hidden>" in text
        shown = run("ca", "get-config", "--http-addr", api.url, "-o", "json").stdout
        assert json.loads(shown) == answer


class TestLeafGet:
    @pytest.fixture(autouse=True)
    def served(self, api, leaf_answer, roots_answer):
        """Serve a leaf of web and the roots."""
        api.answer("GET", LEAF, leaf_answer)
        api.answer("GET", AGENT_ROOTS, roots_answer)

    def test_out_writes_three_files_and_only_the_owner_reads_the_key(
        self, run, api, tmp_path, leaf_answer
    ):
        """Leaf, key and bundle are there, the key with mode 0600."""
        result = run("leaf", "get", "web", "--out", "tls", "--http-addr", api.url)
        assert result.exit_code == 0
        folder = tmp_path / "tls"
        assert (folder / "key.pem").read_text() == leaf_answer["PrivateKeyPEM"]
        assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
        assert parse_certificates((folder / "leaf.pem").read_bytes())
        assert parse_certificates((folder / "bundle.pem").read_bytes())

    def test_a_second_get_replaces_the_files(self, run, api, tmp_path):
        """The command may be repeated; the files are those of the last time."""
        for _ in range(2):
            assert run("leaf", "get", "web", "--out", "tls", "--http-addr", api.url).exit_code == 0

    @pytest.mark.parametrize("options", [(), ("--out", "tls"), ("--out", "tls", "-o", "json")])
    def test_the_key_is_not_printed(self, run, api, options):
        """Only the plain JSON answer, which is the API's, holds the key."""
        result = run("leaf", "get", "web", *options, "--http-addr", api.url)
        assert "PRIVATE KEY" not in result.output

    def test_json_without_out_is_the_apis_answer(self, run, api, leaf_answer):
        """Programs get Consul's document with the key, as from the API."""
        result = run("leaf", "get", "web", "--http-addr", api.url, "--output", "json")
        assert json.loads(result.stdout) == leaf_answer

    def test_names_are_asked_for(self, run, api):
        """DNS names and addresses go to the agent as its query has them."""
        options = ["--dns-san", "a", "--dns-san", "b", "--ip-san", "10.0.0.1"]
        run("leaf", "get", "web", *options, "--http-addr", api.url)
        assert api.requests[0][1].endswith("?dns-san=a%2Cb&ip-san=10.0.0.1")

    def test_a_strange_name_stays_one_part_of_the_path(self, run, api):
        """A service name cannot reach another endpoint."""
        result = run("leaf", "get", "../roots?x", "--http-addr", api.url)
        assert api.requests[0][1] == "/v1/agent/connect/ca/leaf/..%2Froots%3Fx"
        assert result.exit_code == 2

    def test_a_folder_that_cannot_be_written_is_named(self, run, api, tmp_path):
        """The path is in the message, and the code says it is the caller's to mend."""
        (tmp_path / "tls").write_text("a file")
        result = run("leaf", "get", "web", "--out", "tls", "--http-addr", api.url)
        assert result.exit_code == 2
        assert "tls" in result.stderr

    def test_denied_says_what_to_do(self, run, api):
        """A user who is not listed learns how to ask."""
        api.answer("GET", LEAF, b"Permission denied", status=403)
        result = run("leaf", "get", "web", "--http-addr", api.url)
        assert result.exit_code == 4
        assert "error: Permission denied\nnext:  " in result.stderr


TOKEN = {"ID": "i", "Node": "n1", "Token": "i.s.p", "ExpiresAt": "2066-01-01T00:00:00Z"}
ROW = {
    "Node": "n1",
    "SpiffeID": "spiffe://x.consul/agent/client/dc/dc1/id/n1",
    "JoinedAt": "2026-01-01T00:00:00Z",
    "LeafNotAfter": "2066-01-01T00:00:00Z",
    "LastSeen": "2026-01-01T00:00:00Z",
}


class TestToken:
    def test_node_and_life_are_sent_and_the_token_is_shown(self, run, api):
        """The token is the one thing to carry away."""
        api.answer("PUT", "/v1/cluster/join-token", TOKEN)
        result = run("token", "join", "--node", "n1", "--ttl", "2h", "--http-addr", api.url)
        assert json.loads(api.requests[0][3]) == {"Node": "n1", "TTL": "2h"}
        assert "i.s.p" in result.stdout

    def test_json_holds_the_same(self, run, api):
        """A script reads the token from a stable key."""
        api.answer("PUT", "/v1/cluster/join-token", TOKEN)
        result = run("token", "join", "--node", "n1", "--http-addr", api.url, "-o", "json")
        assert json.loads(result.stdout) == TOKEN

    def test_a_node_is_needed(self, run):
        """A token without a node does not exist."""
        assert run("token", "join").exit_code == 2


class TestAgents:
    def test_agents_are_listed(self, run, api):
        """Each agent stands in one line with when it was last seen."""
        api.answer("GET", "/v1/cluster/agents", [ROW])
        text = run("agent", "list", "--http-addr", api.url).stdout
        assert ROW["SpiffeID"] in text
        assert "ago" in text

    def test_no_agent_says_how_the_first_one_joins(self, run, api):
        """An empty list is an invitation, not an empty table."""
        api.answer("GET", "/v1/cluster/agents", [])
        assert "token join" in run("agent", "list", "--http-addr", api.url).stdout

    def test_json_is_the_apis_answer(self, run, api):
        """Programs get the rows unchanged."""
        api.answer("GET", "/v1/cluster/agents", [ROW])
        result = run("agent", "list", "--http-addr", api.url, "--output", "json")
        assert json.loads(result.stdout) == [ROW]

    def test_forget_deletes_that_node(self, run, api):
        """The node's name is one part of the path."""
        api.answer("DELETE", "/v1/cluster/agents/n%2F1", b"")
        result = run("agent", "forget", "n/1", "--http-addr", api.url, "-o", "json")
        assert result.exit_code == 0
        assert json.loads(result.stdout) == {"Node": "n/1", "Forgotten": True}

    def test_an_agent_without_a_server_says_what_to_type(self, run):
        """Running the bare command teaches the missing option."""
        result = run("agent")
        assert result.exit_code == 2
        assert "--server" in result.stderr


class TestRekey:
    def test_the_new_key_is_named_by_its_id(self, run, api):
        """The id is shown, in both forms."""
        api.answer("PUT", "/v1/cluster/rekey", {"KeyID": "ab12", "Rewrapped": 3})
        assert "ab12" in run("secrets", "rekey", "--http-addr", api.url).stdout
        result = run("secrets", "rekey", "--http-addr", api.url, "-o", "json")
        assert json.loads(result.stdout) == {"KeyID": "ab12", "Rewrapped": 3}
