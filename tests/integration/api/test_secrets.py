"""Keys and tokens show in no log, no answer, no file of the state and no backup."""

import io
import json
import logging

import pytest

from ca_core.api.routes import AGENT_ROUTES, PROCESS_ROUTES, SERVER_ROUTES
from tests.integration.api.world import ME, agent_csr, joining, mesh, over_unix

LEAF = "/v1/agent/connect/ca/leaf/{service}"


class Told:
    """A small life of a cluster: everything it said, and every secret that it must not say."""

    def __init__(self, cluster, log):
        token = cluster.token("n1")
        csr, _ = agent_csr(cluster.trust_domain, "n1")
        self.answers = []
        with cluster.anonymous() as client:
            for body in (joining(token, "n2", csr), joining(token, "n1", "no CSR")):
                self.answers.append(client.post("/v1/cluster/join", json=body).text)
        cluster.join("n1", web=(ME,))
        with over_unix(cluster.agent_socket("n1")) as client:
            leaf = client.get(LEAF.format(service="web")).json()
            self._ask(client, (*AGENT_ROUTES, *PROCESS_ROUTES), skipping=LEAF)
        with cluster.operator() as client:
            self._ask(client, (*SERVER_ROUTES, *PROCESS_ROUTES))
        self.log = log.text
        home = cluster.home
        self.state = [p.read_bytes() for p in (home / "server").iterdir() if p.is_file()]
        key = cluster.identity("n1").pair.key_pem
        self.secrets = [
            token.split(".")[2],
            *_lines(leaf["PrivateKeyPEM"]),
            *_lines(key),
            *(home / "server.kek").read_text().split(),
        ]

    def _ask(self, client, routes, skipping=""):
        for route in routes:
            if route.method == "GET" and route.path != skipping:
                answer = client.get(route.path.replace("{authority}", "x"))
                self.answers.append(answer.content.decode("latin-1"))


def _lines(pem):
    """Return the lines of a key between its markers."""
    return pem.strip().splitlines()[1:-1]


@pytest.fixture(scope="module")
def wide_log():
    """Catch every record of every library, tracebacks included."""

    class Log:
        """What was logged, as text."""

        text = property(lambda self: self.stream.getvalue())
        stream = io.StringIO()

    log, root = Log(), logging.getLogger()
    handler, level = logging.StreamHandler(log.stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield log
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="module")
def told(wide_log):
    """Let a cluster live with every logger at its most talkative."""
    with mesh() as cluster:
        yield Told(cluster, wide_log)


def test_no_secret_is_logged(told):
    """Not even at debug level, not by a library, and without the last net under the logs."""
    assert "joined as" in told.log
    assert not [secret for secret in told.secrets if secret in told.log]


def test_no_secret_is_answered(told):
    """Errors, operators' routes, descriptions: only the leaf's own answer holds a key."""
    said = json.dumps(told.answers)
    assert len(told.answers) > 10
    assert not [secret for secret in told.secrets if secret in said]
    assert "PRIVATE KEY--" not in said


def test_no_secret_lies_in_the_state_or_a_backup(told):
    """The state's files hold digests and what is encrypted."""
    assert told.state
    for raw in told.state:
        assert b"PRIVATE KEY" not in raw
        assert not [secret for secret in told.secrets if secret.encode() in raw]
