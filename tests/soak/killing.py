"""A server that is killed again and again, and programs that read at an agent meanwhile."""

import contextlib
import itertools
import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.following import AUTHORIZE, INTENTION
from bench.pair import AGENT_ROOTS, SERVER_ROOTS, connected
from ca_core.agent.verification import trusted_path
from ca_core.identity.certificates import parse_certificates

LEAF = "/v1/agent/connect/ca/leaf/db"
HEALTH = "/v1/health/connect/db"
SERVICE = {"Name": "db", "Port": 5432, "Connect": {"Native": True}}
PAUSE = 0.01
"""Seconds between two questions of one reader."""
ROTATE_EVERY = 3
"""Every third life of the server sees a rotation begin."""


@dataclass
class Truth:
    """What the agent must answer by now; None while a change is on its way.

    Attributes:
        allowed: whether ``web`` may talk to ``db``, in a tuple of its own.
        roots: ids of roots that were seen, and stay.
    """

    allowed: tuple | None = None
    roots: frozenset = frozenset()


@dataclass
class Tally:
    """What readers saw.

    Attributes:
        answers: how many, by kind.
        wrong: sentences about answers that must not be.
        longest: seconds that the slowest answer took, by kind.
    """

    answers: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)
    longest: dict = field(default_factory=dict)

    def took(self, kind, seconds):
        """Note an answer."""
        self.answers[kind] = self.answers.get(kind, 0) + 1
        self.longest[kind] = max(self.longest.get(kind, 0.0), seconds)


class Readers:
    """Threads that ask the agent for everything it answers, all the time.

    Attributes:
        truth: what they hold answers against.
        tally: what they saw.
        watch: how long everything takes, without pauses of the machine.
    """

    def __init__(self, pair, watch):
        self.truth = Truth()
        self.tally = Tally()
        self._pair = pair
        self.watch = watch
        self._over = threading.Event()
        with pair.server.connected() as server:
            self._domain = json.loads(server.asked("GET", SERVER_ROOTS))["TrustDomain"]
        uri = f"spiffe://{self._domain}/ns/default/dc/dc1/svc/web"
        self.question = {"Target": "db", "ClientCertURI": uri}

    def settle(self):
        """Return once everything that is asked for is there: from then on it stays."""
        kinds = (self._read_roots, self._read_leaf, self._authorize, self._discover)
        ends = time.monotonic() + 20
        with self._pair.agent.connected() as agent:
            while faults := [fault for kind in kinds if (fault := kind(agent))]:
                assert time.monotonic() < ends, faults
                time.sleep(PAUSE)

    @contextlib.contextmanager
    def running(self):
        """Let them ask in the block."""
        kinds = (self._read_roots, self._read_leaf, self._authorize, self._discover)
        threads = [threading.Thread(target=self._ask, args=(kind,)) for kind in kinds]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _ask(self, kind):
        with self._pair.agent.connected() as agent:
            while not self._over.wait(PAUSE):
                began = self.watch.seconds
                try:
                    fault = kind(agent)
                except (OSError, RuntimeError) as error:
                    fault = repr(error)
                    agent.close()
                if fault:
                    self.tally.wrong.append(f"{kind.__name__}: {fault}")
                self.tally.took(kind.__name__, self.watch.seconds - began)

    def _read_roots(self, agent):
        wanted = self.truth.roots
        found = json.loads(agent.asked("GET", AGENT_ROOTS))
        ids = {root["ID"] for root in found["Roots"]}
        if found["TrustDomain"] != self._domain or found["ActiveRootID"] not in ids:
            return "another trust domain, or no active root"
        return "" if wanted <= ids else f"{wanted - ids} is gone"

    def _read_leaf(self, agent):
        roots = json.loads(agent.asked("GET", AGENT_ROOTS))["Roots"]
        leaf = json.loads(agent.asked("GET", LEAF))
        chain = parse_certificates(leaf["CertPEM"].encode(), field="leaf")
        anchors = [parse_certificates(root["RootCert"].encode(), field="root")[0] for root in roots]
        if trusted_path(chain, anchors, now=datetime.now(UTC)) is None:
            return "no root leads to the leaf"
        return "" if leaf["Service"] == "db" and leaf["PrivateKeyPEM"] else "not a whole leaf"

    def _authorize(self, agent):
        before = self.truth.allowed
        found = json.loads(agent.asked("POST", AUTHORIZE, self.question))["Authorized"]
        if before is not None and before is self.truth.allowed and found != before[0]:
            return f"{found} although {before[0]} was in force"
        return ""

    def _discover(self, agent):
        found = json.loads(agent.asked("GET", HEALTH))
        names = [one["Service"]["Service"] for one in found]
        return "" if names == ["db"] else f"instances {names}"


class Kills:
    """Kills the server and starts it again; after each return something is changed.

    Attributes:
        converged: seconds from the return of the server until the agent answered by the change.
    """

    def __init__(self, pair, readers):
        self.converged = []
        self._pair = pair
        self._readers = readers
        self._process = pair.server.process
        self._lives = itertools.count()

    def live(self, every):
        """Let one more server die, ``every`` seconds after it was started, and another follow."""
        ends = time.monotonic() + every
        self._kill()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._pair.starting, **quiet)
        with connected(self._pair.server.socket, "/readyz") as server:
            returned = self._readers.watch.seconds
            number = next(self._lives)
            self._let_talk(server, returned, allow=number % 2 == 0)
            if number % ROTATE_EVERY == ROTATE_EVERY - 1:
                self._rotate(server, returned)
        time.sleep(max(0.0, ends - time.monotonic()))

    def end(self):
        """Kill the last one."""
        self._kill()

    def _kill(self):
        self._process.kill()
        self._process.wait()

    def _let_talk(self, server, returned, *, allow):
        truth, question = self._readers.truth, self._readers.question
        truth.allowed = None
        server.asked("PUT", INTENTION, {"Action": "allow" if allow else "deny"})
        with self._pair.agent.connected() as agent:
            while json.loads(agent.asked("POST", AUTHORIZE, question))["Authorized"] != allow:
                time.sleep(PAUSE)
        self.converged.append(self._readers.watch.seconds - returned)
        truth.allowed = (allow,)

    def _rotate(self, server, returned):
        """Begin a rotation, unless the last one is still under way; see its root arrive."""
        with contextlib.suppress(RuntimeError):
            server.asked("PUT", "/v1/connect/ca/rotate", {"Settle": "0s"})
        with self._pair.agent.connected() as agent:
            while (wanted := _ids(server, SERVER_ROOTS)) != _ids(agent, AGENT_ROOTS):
                time.sleep(PAUSE)
        self.converged.append(self._readers.watch.seconds - returned)
        self._readers.truth.roots = wanted


def _ids(connection, path):
    """Return the ids of the roots that somebody answers."""
    return frozenset(root["ID"] for root in json.loads(connection.asked("GET", path))["Roots"])
