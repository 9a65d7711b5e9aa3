"""Enabled plugins in a running process: installed, found, asked, told, refused."""

import httpx
import pytest

from tests.integration.plugins.neighbours import QUOTA, UNKNOWN_HOOK, Neighbourhood

HOOKS = "ca_core.plugins"


@pytest.fixture
def hood(tmp_path):
    """Return a neighbourhood with the plugin ``quota``, installed and not enabled."""
    made = Neighbourhood(tmp_path)
    made.install("acme-quota", "acme_quota", QUOTA, name="quota", group=HOOKS)
    return made


def leaf(running, service):
    """Ask for a leaf."""
    url = f"{running.url}/v1/agent/connect/ca/leaf/{service}"
    return httpx.get(url, timeout=30, trust_env=False)


def test_an_enabled_plugin_denies_observes_and_is_shown(hood):
    """403 with plugin and reason; counted; in ``ca status``; events arrive, the last one too."""
    hood.configure('[plugins]\nenabled = ["quota"]\n')
    with hood.dev() as running:
        assert leaf(running, "web").status_code == 200
        denied = leaf(running, "db")
        assert denied.status_code == 403
        assert "review plugin 'quota' denied this leaf: db has used its quota" in denied.text
        metrics = httpx.get(f"{running.url}/metrics", trust_env=False).text
        status = hood.run("ca", "status", "--http-addr", running.url).stdout
    assert 'ca_core_review_denials_total{plugin="quota"} 1.0' in metrics
    assert 'ca_core_review_plugin_switched_off{plugin="quota"} 0.0' in metrics
    assert "quota          acme-quota 1.2.3  no" in status
    told = [line.split()[-1] for line in running.lines if "EVENT" in line]
    assert told == [
        *("server.started", "provider.opened", "authority.created", "signer.activated"),
        *("leaf.issued", "leaf.denied", "server.stopping"),
    ]


def test_a_plugin_that_is_not_enabled_is_never_imported(hood):
    """Installed is not enabled."""
    with hood.dev(CA_CORE_TRACE_PLUGINS="1") as running:
        assert leaf(running, "db").status_code == 200
    assert "acme" not in running.text


def test_a_trace_shows_imports_and_calls_without_arguments(hood):
    """Also in ``dev``, which shows warnings only otherwise."""
    hood.configure('[plugins]\nenabled = ["quota"]\n')
    with hood.dev(CA_CORE_TRACE_PLUGINS="1") as running:
        leaf(running, "web")
    for words in (
        "imported builtin (ca-core",
        "imported quota (acme-quota 1.2.3, acme_quota) in",
        "calling ca_review_issuance of quota",
        "called ca_event of quota (acme-quota 1.2.3, acme_quota): it returned",
    ):
        assert words in running.text
    assert "/svc/web" not in running.text


@pytest.mark.parametrize(
    ("enabled", "told"),
    [
        ("qouta", "no plugin 'qouta' is installed; did you mean 'quota'?"),
        ("typo", "typo (acme-typo 1.2.3, acme_typo): implements the unknown hook"),
    ],
)
def test_a_server_does_not_start_without_a_plugin_that_was_asked_for(hood, enabled, told):
    """Whoever asked for a review must not run without it; doctor says the same."""
    hood.install("acme-typo", "acme_typo", UNKNOWN_HOOK, name="typo", group=HOOKS)
    hood.configure(f'[plugins]\nenabled = ["{enabled}"]\n')
    started = hood.run("dev", "--listen", "127.0.0.1:0")
    assert (started.returncode, told in started.stderr) == (2, True)
    examined = hood.run("doctor")
    assert (examined.returncode, told in examined.stdout) == (2, True)
