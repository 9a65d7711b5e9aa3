"""Tests of `service` and `check`: what is sent to the agent, and what is shown of its answers."""

import json

import pytest

from ca_core.cli.exitcodes import ExitCode

REGISTER = "/v1/agent/service/register"
SERVICES = {
    "web": {"ID": "web", "Service": "web", "Port": 80, "Address": "10.0.0.1", "Tags": ["v1"]},
    "web-sidecar-proxy": {
        "ID": "web-sidecar-proxy",
        "Service": "web-sidecar-proxy",
        "Kind": "connect-proxy",
        "Port": 21000,
        "Proxy": {"DestinationServiceName": "web"},
    },
}
CHECKS = {
    "service:web": {
        "CheckID": "service:web",
        "Name": "Service 'web' check",
        "Status": "critical",
        "ServiceID": "web",
        "Type": "http",
        "Output": "HTTP GET: 503\n<html>",
    },
    "disk": {"CheckID": "disk", "Name": "disk", "Status": "passing"},
}


@pytest.fixture
def agent(api, monkeypatch):
    """Return a fake agent with a service that is ill."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    api.answer("GET", "/v1/agent/services", SERVICES)
    api.answer("GET", "/v1/agent/checks", CHECKS)
    for path in ("service/register", "service/deregister/web", "check/fail/service:web"):
        api.answer("PUT", f"/v1/agent/{path}", b"")
    return api


def rows(text):
    """Return the words of each line below the heading."""
    return [line.split() for line in text.splitlines()[1:]]


@pytest.mark.usefixtures("agent")
def test_a_list_names_the_check_that_is_worst_and_what_it_said(run):
    """Whoever looks for the cause sees it, in one line."""
    web, sidecar = rows(run("service", "list").stdout)
    assert web == ["web", "web", "service", "10.0.0.1:80", "v1", "critical:", *CHECK_SAID]
    assert sidecar[-1] == "passing"
    found = json.loads(run("service", "list", "-o", "json").stdout)
    assert [each["Health"] for each in found] == ["critical", "passing"]


CHECK_SAID = f"{CHECKS['service:web']['Name']} (HTTP GET: 503)".split()


def test_options_become_the_body_of_the_api(run, agent):
    """Only what was said is in it."""
    run("service", "register", "--name", "web")
    options = ("--port", "80", "--tag", "a", "--tag", "b", "--meta", "k=v=w", "--sidecar")
    checks = ("--http", "http://h/", "--tcp", "h:1", "--ttl", "30s", "--interval", "5s")
    run("service", "register", "--name", "web", "--id", "w", *options, *checks)
    plain, full = agent.bodies("PUT", REGISTER)
    assert plain == {"Name": "web"}
    assert full == {
        "Name": "web",
        "ID": "w",
        "Port": 80,
        "Tags": ["a", "b"],
        "Meta": {"k": "v=w"},
        "Connect": {"SidecarService": {}},
        "Checks": [
            {"HTTP": "http://h/", "Interval": "5s"},
            {"TCP": "h:1", "Interval": "5s"},
            {"TTL": "30s"},
        ],
    }


@pytest.mark.parametrize(
    ("name", "text", "bodies"),
    [
        ("a.json", '{"Name": "web"}', [{"Name": "web"}]),
        ("a.json", '{"service": {"name": "web"}}', [{"name": "web"}]),
        ("a.json", '{"services": [{"name": "a"}, {"name": "b"}]}', [{"name": "a"}, {"name": "b"}]),
        ("a.toml", '[[services]]\nname = "web"', [{"name": "web"}]),
        ("a.toml", 'name = "web"', [{"name": "web"}]),
    ],
)
def test_a_file_is_sent_as_it_is(run, agent, tmp_path, name, text, bodies):
    """A body, a definition of Consul's, or the table of a configuration."""
    (tmp_path / name).write_text(text)
    assert run("service", "register", name).exit_code == ExitCode.OK
    assert agent.bodies("PUT", REGISTER) == bodies


def test_what_was_registered_is_shown_with_its_sidecar(run, agent):
    """And nothing else of the host."""
    shown = json.loads(run("service", "register", "--name", "web", "-o", "json").stdout)
    assert [each["ID"] for each in shown] == ["web", "web-sidecar-proxy"]
    agent.answer("GET", "/v1/agent/services", SERVICES | {"db": {"ID": "db", "Service": "db"}})
    assert "db" not in run("service", "register", "--name", "web").stdout


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--name", "web", "--meta", "novalue"),
        ("gone.json",),
        ("bad.json",),
        ("list.json",),
        ("one.json", "--name", "web"),
    ],
)
def test_what_cannot_be_sent_is_told_and_nothing_is_sent(run, api, tmp_path, arguments):
    """A usage error, with what would be right."""
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text('{"services": ["web"]}')
    (tmp_path / "one.json").write_text('{"Name": "web"}')
    assert run("service", "register", *arguments).exit_code == ExitCode.USAGE
    assert api.requests == []


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        (
            "s3.toml",
            '[[services]]\nName = "a"\n[[services]]\nName = "b"\nKnid = "x"',
            "s3.toml: services[1].Knid: unknown key; did you mean 'Kind'?",
        ),
        (
            "a.json",
            '{"services": [{"name": "a"}, {"name": "b", "check": {"tll": "5s"}}]}',
            "a.json: services[1].Check.tll: unknown key; did you mean 'TTL'?",
        ),
        ("a.json", '{"service": {"name": "a b"}}', "a.json: service.Name: "),
        ("a.json", '{"name": "\\ud800"}', "a.json: cannot be said in JSON"),
        ("a.json", '{"name": "a", "port": "80"}', "a.json: Port: Expected `int`, got `str`"),
    ],
)
def test_a_file_with_one_wrong_table_registers_none(run, api, tmp_path, name, text, fault):
    """The file, the table and the key are named; of HTTP nothing is said."""
    (tmp_path / name).write_text(text)
    result = run("service", "register", name)
    assert result.exit_code == ExitCode.USAGE
    assert f"error: {fault}" in result.stderr
    assert api.requests == []


def test_what_toml_has_and_json_has_not_is_sent_as_text(run, agent, tmp_path):
    """As the configuration's own services are kept."""
    proxy = "[proxy]\ndestination_service_name = 'web'\n[proxy.config]\nsince = 2030-01-01"
    text = f"name = 'p'\nkind = 'connect-proxy'\nport = 1\n{proxy}"
    (tmp_path / "a.toml").write_text(text)
    assert run("service", "register", "a.toml").exit_code == ExitCode.OK
    assert agent.bodies("PUT", REGISTER)[0]["proxy"]["config"] == {"since": "2030-01-01"}


@pytest.mark.usefixtures("agent")
def test_deregister_names_the_instance(run, api):
    """Once it is done."""
    assert "web" in run("service", "deregister", "web").stdout
    assert api.requests[-1][:2] == ("PUT", "/v1/agent/service/deregister/web")


def test_a_report_carries_its_note(run, agent):
    """Whatever is in it."""
    shown = run("check", "fail", "service:web", "--note", "disk & more").stdout
    assert shown.strip() == "service:web is critical"
    assert agent.requests[-1][1] == "/v1/agent/check/fail/service:web?note=disk+%26+more"


@pytest.mark.usefixtures("agent")
def test_checks_are_listed_with_the_first_line_of_what_they_printed(run):
    """A page of HTML is not a table."""
    shown = run("check", "list").stdout
    assert "HTTP GET: 503" in shown
    assert "<html>" not in shown
    assert "(the node)" in shown
