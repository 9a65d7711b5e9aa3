"""Broken neighbours: whatever else is installed, the built-in provider works, and doctor tells."""

import json

import httpx
import pytest

from tests.integration.plugins.neighbours import (
    FUTURE_PROVIDER,
    GOOD_PROVIDER,
    UNKNOWN_HOOK,
    Neighbourhood,
)

PROVIDERS, HOOKS = "ca_core.providers", "ca_core.plugins"
SECRET = "hunter2"
BLOCKING = "import threading\nthreading.Event().wait()\n"

NEIGHBOURS = {
    "a syntax error": (
        [
            (
                "acme-syntax",
                "acme_syntax",
                f"TOKEN = '{SECRET}'\ndef broken(:\n",
                "syntax",
                PROVIDERS,
            )
        ],
        ["syntax (acme-syntax 1.2.3, acme_syntax)", "SyntaxError at", "acme_syntax.py:2"],
    ),
    "one that blocks on import": (
        [("acme-block", "acme_block", BLOCKING, "block", PROVIDERS)],
        ["block: it did not end within", "and was killed"],
    ),
    "a duplicate name": (
        [
            ("acme-one", "acme_one", GOOD_PROVIDER, "twin", PROVIDERS),
            ("acme-two", "acme_two", GOOD_PROVIDER, "twin", PROVIDERS),
        ],
        ["twin (acme-one 1.2.3, acme_one)", "twin (acme-two 1.2.3, acme_two)"],
    ),
    "a duplicate of a name of ours": (
        [("acme-thief", "acme_thief", GOOD_PROVIDER, "builtin", PROVIDERS)],
        ["builtin (acme-thief 1.2.3, acme_thief) claims a name that is ours"],
    ),
    "an unknown hook": (
        [("acme-hook", "acme_hook", UNKNOWN_HOOK, "typo", HOOKS)],
        ["typo (acme-hook 1.2.3, acme_hook)", "'ca_reveiw_issuance'; did you mean 'ca_review_"],
    ),
    "API version 99": (
        [("acme-future", "acme_future", FUTURE_PROVIDER, "future", PROVIDERS)],
        ["future (acme-future 1.2.3, acme_future)", "API version 99; this core serves 1"],
    ),
    "one that ends the process": (
        [("acme-end", "acme_end", "import os\nos._exit(3)\n", "end", PROVIDERS)],
        ["end: the process that imported it died with exit code 3"],
    ),
    "one that raises a secret": (
        [("acme-leak", "acme_leak", f"raise ValueError('{SECRET}')\n", "leak", PROVIDERS)],
        ["leak (acme-leak 1.2.3, acme_leak)", "ValueError at acme_leak.py:1"],
    ),
}
"""What is wrong → the distributions installed, and what doctor must say."""

ENOUGH, SHORT = "40", "10"
"""Seconds: for imports that end, on a busy machine; and for the one that never does."""


def moved_in(folder, *kinds):
    """Return a neighbourhood with these kinds of broken plugins."""
    hood = Neighbourhood(folder)
    for distribution, module, source, name, group in (
        one for k in kinds for one in NEIGHBOURS[k][0]
    ):
        hood.install(distribution, module, source, name=name, group=group)
    return hood


def warnings_of(found):
    """Return what doctor warns of about plugins; there is no failure."""
    findings = json.loads(found.stdout)["Findings"]
    assert [
        one for one in findings if one["Group"] == "plugins" and one["Level"] == "failure"
    ] == []
    return [one for one in findings if (one["Group"], one["Level"]) == ("plugins", "warning")]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("kind", list(NEIGHBOURS)[:6], ids=lambda what: what.replace(" ", "-"))
def test_dev_starts_and_answers_and_doctor_names_the_culprit(tmp_path, kind):
    """Nothing of a neighbour is imported but in the process that doctor starts for it."""
    hood, blocks = moved_in(tmp_path, kind), "blocks" in kind
    with hood.dev() as running:
        url = f"{running.url}/v1/agent/connect/ca/leaf/web"
        leaf = httpx.get(url, timeout=30, trust_env=False)
        assert leaf.status_code == 200, leaf.text
    found = hood.run("doctor", "--timeout", SHORT if blocks else ENOUGH, "--output", "json")
    warned = warnings_of(found)
    (culprit,) = [one for one in warned if NEIGHBOURS[kind][1][0] in one["Detail"]]
    assert all(words in culprit["Detail"] for words in NEIGHBOURS[kind][1]), culprit
    assert culprit["Hint"]
    assert blocks or warned == [culprit]
    assert SECRET not in found.stdout + found.stderr + running.text


@pytest.mark.timeout(150)
def test_all_of_them_together_hide_nobody(tmp_path):
    """One finding for each, one for metadata beyond reading; the list is a list all the same."""
    hood = moved_in(tmp_path, *NEIGHBOURS)
    garbled = tmp_path / "site" / "garbled-1.0.dist-info"
    garbled.mkdir()
    (garbled / "METADATA").write_text("Metadata-Version: 2.1\nName: garbled\nVersion: 1.0\n")
    (garbled / "entry_points.txt").write_text("[ca_core.providers]\nno equals sign\n")
    rows = json.loads(hood.run("provider", "list", "-o", "json").stdout)
    listed = {(row["Kind"], row["Name"], row["Package"]) for row in rows}
    assert ("hooks", "typo", "acme-hook") in listed
    assert {("provider", "twin", "acme-one"), ("provider", "twin", "acme-two")} <= listed
    assert "garbled" not in {row["Package"] for row in rows}
    found = hood.run("doctor", "--timeout", SHORT, "-o", "json")
    told = " ".join(one["Detail"] for one in warnings_of(found))
    assert "garbled-1.0.dist-info" in told
    assert [words for _, must in NEIGHBOURS.values() for words in must if words not in told] == []
    assert SECRET not in found.stdout + found.stderr
