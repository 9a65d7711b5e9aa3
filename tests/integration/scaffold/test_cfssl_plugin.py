"""A real CA that cannot write a URI: the kit and the guard say exactly that."""

import json
import logging
import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ca_core.authority.guard import GuardedProvider
from ca_core.clock import SystemClock
from ca_core.contract import AuthorityRequest, KeySpec, LeafRequest, ServiceId, SignerRequest
from ca_core.errors import GuardError
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing import provider_context
from tests.cfssl_plugin.tests.cfssl_server import installed as cfssl_is_installed
from tests.cfssl_plugin.tests.cfssl_server import running

PLUGIN = Path(__file__).parents[2] / "cfssl_plugin"
FAILS = {
    "leaf.one-uri": r"it has no URI name; spiffe://\S+/svc/web was asked",
    "leaf.identities": r"it has no URI name; spiffe://\S+ was asked",
    "leaf.san-critical": "it has no alternative name, though its subject is empty",
    "leaf.handshake": "Subject name empty",
    "leaf.short-life": "cfssl's shortest profile lives for 0:50:00, longer than was asked",
    "leaf.csr-keys": "a CSR by an ed25519 key raised RequestError: .*algorithm unimplemented",
    "leaf.key-pairs": "a CSR by an ed25519 key raised RequestError: .*algorithm unimplemented",
}
"""What cfssl 1.2 cannot do: check → words. The first four are the URI that is missing."""

pytestmark = [
    pytest.mark.timeout(120),  # pip
    pytest.mark.skipif(
        not cfssl_is_installed(),
        reason="NOT PROVEN on a real CA: cfssl is not on this machine; `make system-deps`",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a `cfssl serve`, started for these tests and ended by its process id."""
    with running(tmp_path_factory.mktemp("cfssl")) as server:
        yield server


@pytest.fixture(scope="module")
def plugin(desk, tmp_path_factory):
    """Return the folder into which pip has installed the provider, offline."""
    target = tmp_path_factory.mktemp("plugin")
    told = desk.python(
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--disable-pip-version-check", "--target", target, PLUGIN),
    )
    assert told.code == 0, told.err
    return target


def written(server, folder):
    """Write the configuration, as an operator does; return the file."""
    lives = ", ".join(f'{name} = "{life}"' for name, life in server.settings["profiles"].items())
    file = folder / "cfssl.toml"
    file.write_text(
        f'[ca]\nprovider = "cfssl"\n[ca.config]\naddress = "{server.url}"\n'
        f"profiles = {{ {lives} }}\n"
    )
    return file


def failed(report):
    """Return check → what was seen, of those that failed."""
    return {row["id"]: row["detail"] for row in report["results"] if row["outcome"] == "failed"}


def test_the_kit_fails_exactly_what_cfssl_cannot_do(desk, plugin, server, tmp_path):
    """Every other rule that concerns it holds up to L1, and each failure says its cause."""
    told = desk.python(
        *("-m", "ca_core", "provider", "conformance", "cfssl", "--level", "L1", "--ca-key"),
        *("ec-256", "--config", written(server, tmp_path), "--report", tmp_path / "report"),
        path=[plugin],
    )
    assert told.code == 1, told.err
    assert "cfssl does not conform to L1; it reaches L0." in told.out
    found = failed(json.loads((tmp_path / "report" / "conformance.json").read_text()))
    assert found.keys() == FAILS.keys()
    for check, words in FAILS.items():
        assert re.search(words, found[check]), (check, found[check])


def test_the_published_report_says_the_same():
    """The report in the provider's folder, up to L3, names these failures and no other."""
    folder = PLUGIN / "report"
    published = json.loads((folder / "conformance.json").read_text())
    assert published["provider"]["name"] == "cfssl"
    assert published["level"]["asked"] == "L3"
    assert failed(published).keys() == FAILS.keys()
    for check, words in FAILS.items():
        assert re.search(words, failed(published)[check])
    people = (folder / "conformance.md").read_text()
    assert set(re.findall(r"### `([a-z.-]+)`: failed", people)) == FAILS.keys()


def test_the_providers_own_tests_are_green(desk, plugin):
    """Names, lives, keys of `authsign`, errors: on a real server too."""
    told = desk.python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_signing.py"),
        cwd=PLUGIN,
        path=[plugin],
    )
    assert told.code == 0, told.out
    assert "skipped" not in told.out


@pytest.fixture
def guarded(monkeypatch, server):
    """Return the provider under the guard, with an authority and a signer, and its context."""
    monkeypatch.syspath_prepend(PLUGIN / "src")
    from ca_provider_cfssl import ca_provider

    context = provider_context(clock=SystemClock())
    guarded = GuardedProvider(
        ca_provider().open(server.settings, context),
        name="cfssl",
        trust_domain=context.trust_domain,
        clock=context.clock,
        on_violation=lambda _error: None,
        logger=logging.getLogger("test.guard"),
    )
    asked = {"request_id": "r", "key": KeySpec(), "ttl": timedelta(days=365)}
    asked["deadline"] = context.clock.now() + timedelta(seconds=10)
    guarded.ensure_authority(
        AuthorityRequest(**asked, id=context.authority_id, trust_domain=context.trust_domain)
    )
    guarded.prepare_signer(SignerRequest(**asked, id="signer-1"))
    with closing(guarded):
        yield guarded, context


def test_the_guard_refuses_a_leaf_of_cfssl(guarded):
    """What cfssl signs for a mesh is never released: it breaks leaf.5."""
    provider, context = guarded
    now = context.clock.now()
    web = ServiceId(trust_domain=context.trust_domain, datacenter="dc1", service="web")
    request = LeafRequest(
        request_id="leaf",
        deadline=now + timedelta(seconds=10),
        csr=leaf_csr(new_leaf_key(), web),
        identity=web,
        not_before=now,
        not_after=now + timedelta(hours=72),
        signer="signer-1",
    )
    words = rf"leaf\.5: it has no URI name; {web} was asked"
    with pytest.raises(GuardError, match=words) as refused:
        provider.sign_leaf(request)
    assert (refused.value.rule, refused.value.provider) == ("leaf.5", "cfssl")
