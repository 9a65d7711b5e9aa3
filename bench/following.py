"""How soon an agent decides by an intention: a server and an agent as processes, over TLS."""

import json
import time
from collections.abc import Iterator

from bench.pair import SERVER_ROOTS, started_pair

ROUNDS = 40
AUTHORIZE = "/v1/agent/connect/authorize"
INTENTION = "/v1/connect/intentions/exact?source=web&destination=db"


def delays() -> Iterator[float]:
    """Yield seconds from before an intention is written to the first decision by it."""
    with started_pair() as pair, pair.server.connected() as server, pair.agent.connected() as agent:
        domain = json.loads(server.asked("GET", SERVER_ROOTS))["TrustDomain"]
        uri = f"spiffe://{domain}/ns/default/dc/dc1/svc/web"
        question = {"Target": "db", "ClientCertURI": uri}
        agent.asked("POST", AUTHORIZE, question)
        for number in range(ROUNDS):
            allow = number % 2 == 0
            began = time.perf_counter()
            server.asked("PUT", INTENTION, {"Action": "allow" if allow else "deny"})
            wanted = b'"Authorized":true' if allow else b'"Authorized":false'
            while wanted not in agent.asked("POST", AUTHORIZE, question):
                pass
            yield time.perf_counter() - began
