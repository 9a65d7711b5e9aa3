"""Tests of `ca status`, `ca csr` and `ca install-chain`, against a fake API."""

import json

import pytest

OPERATIONS = "/v1/connect/ca/operations"
STATUS, CSR, CHAIN = (f"/v1/cluster/ca/{name}" for name in ("status", "csr", "chain"))


@pytest.fixture
def status(api) -> dict[str, object]:
    """Return the answer of a cluster that signs; no change is open."""
    api.answer("GET", OPERATIONS, [])
    authority = {
        "ID": "ca-1", "Provider": "builtin", "Phase": "signing", "RootFingerprint": "ab",
        "NotAfter": "2066-01-01T00:00:00Z", "Leaves": 7, "Complete": True, "Ceiling": "",
    }  # fmt: skip
    return {
        "TrustDomain": "x.consul", "Datacenter": "dc1", "Ready": True, "Reason": "",
        "ProviderOK": True, "ProviderMessage": "", "Signer": "s-1",
        "SignerNotAfter": "2066-01-01T00:00:00Z", "Authorities": [authority],
    }  # fmt: skip


def test_people_see_whether_leaves_can_be_signed(run, api, status):
    """The answer to the first question stands in one line, the authorities below it."""
    api.answer("GET", STATUS, status)
    text = run("ca", "status", "--http-addr", api.url).stdout
    assert "signs         yes" in text
    assert "ca-1" in text


def test_a_cluster_that_does_not_sign_says_why(run, api, status):
    """The reason comes from the server."""
    api.answer("GET", STATUS, status | {"Ready": False, "Reason": "the provider is opening"})
    assert "no: the provider is opening" in run("ca", "status", "--http-addr", api.url).stdout


def test_an_open_change_is_told_with_what_it_waits_for(run, api, status, operation):
    """A change that is stuck is seen without --watch; one that is over is not."""
    api.answer("GET", STATUS, status)
    api.answer("GET", OPERATIONS, [operation()])
    assert "change " not in run("ca", "status", "--http-addr", api.url).stdout
    stuck = operation(Phase="distributed", WaitsFor="web-1 did not acknowledge the new root")
    api.answer("GET", OPERATIONS, [operation(), stuck])
    text = run("ca", "status", "--http-addr", api.url).stdout
    assert "distributed, acknowledged" in text
    assert "waits: web-1 did not acknowledge" in text


def test_a_count_that_may_miss_leaves_says_so(run, api, status):
    """After a server died, the number on record is a lower bound."""
    status["Authorities"][0]["Complete"] = False
    api.answer("GET", STATUS, status)
    assert "7 or more" in run("ca", "status", "--http-addr", api.url).stdout


def test_people_see_how_long_the_providers_credential_lives(run, api, status):
    """And that its renewal fails, before anything else does; an old server tells nothing."""
    api.answer("GET", STATUS, status)
    assert "credential    none in use" in run("ca", "status", "--http-addr", api.url).stdout
    told = {"Ends": "x", "HoursLeft": 2.5, "Failures": 3, "LastError": "the server is sealed"}
    api.answer("GET", STATUS, status | {"Credential": told})
    text = run("ca", "status", "--http-addr", api.url).stdout
    words = "lives for 2 h 30 min; its renewal failed 3 times in a row: the server is sealed"
    assert words in text.replace("\n              ", " ")


def test_the_csr_can_be_redirected(run, api):
    """Standard output is the request and nothing else."""
    api.answer("GET", CSR, b"-----BEGIN CERTIFICATE REQUEST-----\n")
    result = run("ca", "csr", "--http-addr", api.url)
    assert result.stdout == "-----BEGIN CERTIFICATE REQUEST-----\n"


def test_the_chain_is_sent_as_it_is_in_the_file(run, api, tmp_path):
    """The file's text reaches the server, from a path or a pipe."""
    api.answer("PUT", CHAIN, True)
    (tmp_path / "chain.pem").write_text("PEM\n")
    assert run("ca", "install-chain", "chain.pem", "--http-addr", api.url).exit_code == 0
    assert run("ca", "install-chain", "-", "--http-addr", api.url, text=b"PEM\n").exit_code == 0
    assert [json.loads(body) for *_, body in api.requests] == [{"Chain": "PEM\n"}] * 2


def test_a_missing_chain_is_named(run, api):
    """Nothing is sent without a file."""
    result = run("ca", "install-chain", "absent.pem", "--http-addr", api.url)
    assert (result.exit_code, "absent.pem" in result.stderr, api.requests) == (2, True, [])


def test_a_file_that_was_not_applied_is_told(run, api, status):
    """And nothing is said while there is nothing to say."""
    api.answer("GET", STATUS, status)
    assert "differs" not in run("ca", "status", "--http-addr", api.url).stdout
    api.answer("GET", STATUS, status | {"Drift": "the [ca] section of the file differs"})
    assert "differs" in run("ca", "status", "--http-addr", api.url).stdout


def test_review_plugins_are_shown_with_why_one_is_switched_off(run, api, status):
    """Whoever wonders why leaves are denied sees it here; without plugins nothing is shown."""
    api.answer("GET", STATUS, status)
    assert "REVIEW PLUGIN" not in run("ca", "status", "--http-addr", api.url).stdout
    plugin = {
        "Name": "quota",
        "Package": "acme",
        "Version": "2.1",
        "SwitchedOff": "over its budget",
    }
    api.answer("GET", STATUS, status | {"ReviewPlugins": [plugin, plugin | {"SwitchedOff": ""}]})
    text = run("ca", "status", "--http-addr", api.url).stdout
    assert "quota          acme 2.1  over its budget" in text
    assert "quota          acme 2.1  no" in text


def test_what_is_overdue_is_shown_with_its_reason(run, api, status):
    """A root or signer that nobody replaced in time is seen by whoever looks."""
    api.answer("GET", STATUS, status | {"Overdue": "the signer ends: n1 did not acknowledge"})
    assert "n1 did not acknowledge" in run("ca", "status", "--http-addr", api.url).stdout
    api.answer("GET", STATUS, status | {"Overdue": ""})
    assert "overdue" not in run("ca", "status", "--http-addr", api.url).stdout


def test_what_is_left_behind_is_listed_with_why(run, api, status):
    """An operator who gives it up needs its key; nothing left, nothing shown."""
    api.answer("GET", STATUS, status)
    assert "LEFT BEHIND" not in run("ca", "status", "--http-addr", api.url).stdout
    left = {
        "Key": "ca-0/signer-3", "Authority": "ca-0", "Signer": "signer-3",
        "Since": "2026-01-01T00:00:00Z", "Error": "no route to host",
    }  # fmt: skip
    api.answer("GET", STATUS, status | {"Leftovers": [left, left | {"Key": "ca-9", "Error": ""}]})
    text = run("ca", "status", "--http-addr", api.url).stdout
    assert "ca-0/signer-3" in text
    assert "no route to host" in text
    assert "being removed" in text
