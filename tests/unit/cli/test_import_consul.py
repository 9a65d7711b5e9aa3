"""Tests of `import consul`, against a fake API."""

import json

import pytest

PLACE = "/v1/connect/intentions"
EXACT = f"{PLACE}/exact"
PLAN, SETTINGS = "/v1/connect/ca/plan", "/v1/connect/ca/settings"
WEB = {"SourceName": "web", "DestinationName": "db", "Action": "allow"}
STANDING = {
    "SourceNS": "default", "SourceName": "web", "DestinationNS": "default",
    "DestinationName": "db", "SourceType": "consul", "Action": "allow", "Precedence": 9,
    "CreateIndex": 5, "ModifyIndex": 6,
}  # fmt: skip
ENTRY = {
    "Kind": "service-intentions",
    "Name": "api",
    "Sources": [
        {"Name": "web", "Action": "allow"},
        {"Name": "far", "Peer": "east", "Action": "allow"},
        {"Name": "shop", "Permissions": [{"Action": "allow", "JWT": {"Providers": []}}]},
    ],
}
CONSUL = {
    "Provider": "consul",
    "Config": {"LeafCertTTL": "24h", "PrivateKey": "very secret", "RootCert": "a root"},
    "State": None,
    "ForceWithoutCrossSigning": False,
    "CreateIndex": 1,
    "ModifyIndex": 2,
}


@pytest.fixture(autouse=True)
def server(api, plan, monkeypatch):
    """Return a fake API without intentions, on which every change goes."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    api.answer("GET", PLACE, [])
    api.answer("PUT", EXACT, True)
    api.answer("GET", SETTINGS, {"Settings": {"provider": "builtin", "strict_key_usage": True}})
    api.answer("POST", PLAN, plan())
    return api


@pytest.fixture
def imported(run, tmp_path):
    """Return a function that imports documents, each in a file of its own."""

    def run_on(*documents, options=()):
        arguments = []
        for number, document in enumerate(documents):
            text = document if isinstance(document, str) else json.dumps(document)
            (tmp_path / f"{number}.json").write_text(text)
            arguments += ["--file", f"{number}.json"]
        return run("import", "consul", *arguments, *options)

    return run_on


def steps(result):
    """Return the steps of an answer in JSON."""
    return [row["Step"] for row in json.loads(result.stdout)["Intentions"]]


def test_nothing_is_written_unless_it_is_said(imported, server):
    """What would be written is listed, and how to write it."""
    result = imported([WEB, WEB | {"SourceName": "*", "Action": "deny"}])
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["STEP", "SOURCE", "DESTINATION", "SAYS", "WHY"]
    assert lines[1:3] == [["create", "web", "db", "allow"], ["create", "*", "db", "deny"]]
    assert "2 create. Nothing was written. Next: the same with --apply." in result.stdout
    assert {method for method, *_ in server.requests} == {"GET"}


def test_applying_writes_each_by_its_names(imported, server):
    """Only over what was looked at: none here."""
    body = WEB | {"Meta": {"a": "b"}, "Description": "why", "ID": "x" * 36, "ModifyIndex": 99}
    result = imported([body], options=["--apply"])
    assert (result.exit_code, result.stdout.split()[5]) == (0, "created")
    assert server.bodies("PUT", EXACT) == [
        {"Action": "allow", "Description": "why", "Meta": {"a": "b"}}
    ]
    (sent,) = [path for method, path, *_ in server.requests if method == "PUT"]
    assert sent == f"{EXACT}?source=default%2Fweb&destination=default%2Fdb&cas=0"


def test_what_stands_is_not_written_again(imported, server):
    """The same import twice writes once."""
    server.answer("GET", PLACE, [STANDING | {"ID": "an id of ours"}])
    result = imported([WEB], options=["--apply", "-o", "json"])
    assert (result.exit_code, steps(result)) == (0, ["same"])
    assert server.bodies("PUT", EXACT) == []


def test_what_stands_otherwise_is_replaced_at_its_index(imported, server):
    """What is replaced is said; a change in between is not written over."""
    server.answer("GET", PLACE, [STANDING | {"Action": "deny"}])
    assert "stands: deny" in imported([WEB]).stdout
    assert "1 replaced" in imported([WEB], options=["--apply"]).stdout
    (sent,) = [path for method, path, *_ in server.requests if method == "PUT"]
    assert sent.endswith("cas=6")


def test_words_beside_the_action_are_told_as_such(imported, server):
    """Nobody has to look for a difference in who may connect."""
    server.answer("GET", PLACE, [STANDING | {"Description": "old"}])
    assert "differs in description" in imported([WEB]).stdout
    server.answer("GET", PLACE, [STANDING | {"Observe": True}])
    assert "stands: allow, observed only" in imported([WEB]).stdout


def test_what_is_not_served_is_refused_and_the_others_go_on(imported, server):
    """A line for each, with its reason; the end says that something is missing."""
    result = imported(ENTRY, {"Kind": "proxy-defaults", "Name": "global"}, options=["--apply"])
    assert result.exit_code == 1
    assert len(server.bodies("PUT", EXACT)) == 1
    for words in (
        "SourcePeer: is not supported: peers are not served",
        "Permissions[0].JWT: is not supported",
        "a config entry of kind 'proxy-defaults': those are not served here",
        "1 created, 3 refused",
    ):
        assert words in result.stdout


def test_what_decides_in_the_place_of_a_refused_row_is_said(imported, server):
    """A refusal must not open a door in silence."""
    everybody = {"SourceName": "*", "DestinationName": "api", "Action": "allow"}
    result = imported(ENTRY, [everybody])
    assert "shop => api: default/* => default/api (allow)" in result.stdout
    assert "shop => api: the default" in imported(ENTRY).stdout
    server.answer("GET", PLACE, [STANDING | {"SourceName": "*", "DestinationName": "*"}])
    shop = json.loads(imported(ENTRY, options=["-o", "json"]).stdout)["Intentions"][2]
    assert shop["DecidesInstead"] == "default/* => default/* (allow)"


def test_of_two_rows_about_one_pair_the_second_must_say_the_same(imported):
    """Which of two is meant, nobody can guess."""
    same = imported([WEB, WEB], options=["-o", "json"])
    assert (same.exit_code, steps(same)) == (0, ["create"])
    other = imported([WEB], [WEB | {"Action": "deny"}], options=["-o", "json"])
    assert (other.exit_code, steps(other)) == (1, ["create", "refused"])


def test_a_row_that_the_server_refuses_stops_no_other(imported, server):
    """Its words are told beside the row."""
    server.answer("PUT", EXACT, b"the intention was expected at 0", status=409)
    result = imported([WEB, WEB | {"SourceName": "api"}], options=["--apply"])
    assert result.exit_code == 1
    assert "2 failed" in result.stdout
    assert "the intention was expected at 0" in result.stdout
    assert len(server.bodies("PUT", EXACT)) == 2


def test_a_ca_configuration_becomes_a_plan_and_nothing_else(imported, server):
    """Also with --apply; keys go in our spelling, what Consul has no word for stays."""
    result = imported(CONSUL, options=["--apply"])
    assert result.exit_code == 0
    assert "Another provider signs" in result.stdout
    assert "Nothing was changed. Next: `ca-core ca set-config FILE`" in result.stdout
    (body,) = server.bodies("POST", PLAN)
    assert body["Settings"] == {
        "provider": "builtin",
        "leaf_ttl": "24h",
        "strict_key_usage": True,
        "config": {"private_key": "very secret", "root_cert": "a root"},
    }
    assert {method for method, *_ in server.requests} == {"GET", "POST"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Provider": "aws-pca"}, "refused: "),
        ({"Config": []}, "refused: Config: must be an object"),
        ({"Config": {"SkipValidate": True}}, "refused: Config.SkipValidate: has no meaning here"),
    ],
)
def test_a_ca_configuration_that_cannot_be_here_is_refused(imported, changes, words):
    """With the key; intentions beside it go on, and no secret is shown."""
    result = imported(CONSUL | changes, [WEB])
    assert result.exit_code == 1
    assert words in result.stdout
    assert "1 create." in result.stdout
    assert "very secret" not in result.output


def test_a_plan_that_the_server_refuses_is_told_without_its_secrets(imported, server):
    """The server's words."""
    server.answer("POST", PLAN, {"detail": "Settings.config.root_cert: no PEM"}, status=400)
    result = imported(CONSUL)
    assert result.exit_code == 1
    assert "refused: Settings.config.root_cert: no PEM" in result.stdout
    assert "very secret" not in result.output


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, '{"SourceName": "a", "SourceName": "b"}', '["\\ud800"]', "NaN"]
)
def test_a_file_that_is_no_json_is_an_error_before_anything_is_asked(imported, server, text):
    """A usage error."""
    result = imported(text, options=["--apply"])
    assert result.exit_code == 2
    assert "0.json: is no JSON" in result.stderr
    assert not server.requests


@pytest.mark.parametrize("document", [7, None, '"web"', {}, {"db": []}, [[WEB]]])
def test_json_that_is_none_of_consuls_documents_is_refused(imported, document):
    """Nothing is passed over in silence."""
    result = imported(document)
    assert result.exit_code == 1
    assert "is no intention, no service-intentions entry and no CA configuration" in result.stdout


def test_standard_input_is_a_file_too(run):
    """As `-`; an empty list is no error."""
    result = run("import", "consul", "--file", "-", text=b"[]")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "The files hold no intentions.")
