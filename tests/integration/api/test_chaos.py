"""A server whose provider is chaos: services get their leaves in spite of it."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

import ca_core.api.running
from ca_core.config.model import CAConfig
from ca_core.identity.certificates import parse_certificates
from ca_core.testing import FakeClock, assert_chains_to
from tests.integration.api.world import dev

LEAF, ROOTS = "/v1/agent/connect/ca/leaf", "/v1/agent/connect/ca/roots"
TURNED_AWAY = {429, 502, 503, 504}
MOST_TRIES = 200
HASTE = timedelta(milliseconds=50)
SERVICES = [f"web-{number}" for number in range(12)]


@contextmanager
def hasty_clock(monkeypatch):
    """Lend a fake clock that runs ahead of the machine's, so that no pause is waited out."""
    clock, over = FakeClock(), threading.Event()
    monkeypatch.setattr(ca_core.api.running, "SystemClock", lambda: clock)

    def hurry():
        while not over.wait(0.002):
            clock.advance(HASTE)

    thread = threading.Thread(target=hurry)
    thread.start()
    try:
        yield clock
    finally:
        over.set()
        thread.join()


def patiently(client, path, seen):
    """Ask until there is an answer; note every status on the way."""
    for _ in range(MOST_TRIES):
        answer = client.get(path)
        seen.add(answer.status_code)
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code in TURNED_AWAY, answer.text
    raise AssertionError(f"no answer after {MOST_TRIES} tries: {answer.text}")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("profile", ["rough", "lying"])
def test_every_service_gets_its_leaf(seed, profile, monkeypatch):
    """The authority comes up once, and every leaf is right, however the provider behaves."""
    config = {"inner": "builtin", "seed": seed, "profile": profile}
    ca = CAConfig(provider="chaos", config=config, csr_max_per_second=0.0)
    seen = set()
    with hasty_clock(monkeypatch) as clock, dev(ca=ca) as client:
        for service in SERVICES:
            leaf = patiently(client, f"{LEAF}/{service}", seen)
            (shown,) = client.get(ROOTS).json()["Roots"]
            (root,) = parse_certificates(shown["RootCert"])
            chain = (*parse_certificates(leaf["CertPEM"]), root)
            assert leaf["ServiceURI"].endswith(f"/svc/{service}")
            assert_chains_to(chain[0], chain[1:], [root], now=clock.now())
    assert seen > {200}


def test_what_is_surrounded_is_a_secret_to_the_api(monkeypatch):
    """The inner provider's configuration may hold a token; the API shows a mark."""
    config = {"inner_config": {"intermediates": False}, "profile": "calm"}
    with hasty_clock(monkeypatch), dev(ca=CAConfig(provider="chaos", config=config)) as client:
        answer = client.get("/v1/connect/ca/configuration")
    shown = answer.json()["Config"]
    assert "<hidden:" in str(shown)
    assert "intermediates" not in str(shown)
