"""The table from error to status, and the two forms of an error on the wire."""

import inspect
import json
from datetime import timedelta

import pytest

from ca_core import errors
from ca_core.api.problems import problem_response, status_of

SECONDS = timedelta(seconds=2.2)
PLUGIN = errors.PluginOrigin(name="acme", distribution="d", version="1", entry_point="m")
TABLE = [
    (errors.RequestError("x", field="f"), 400),
    (errors.ConfigError("x", where="w"), 400),
    (errors.DeniedError("x"), 403),
    (errors.NotFoundError("x"), 404),
    (errors.ConflictError("x"), 409),
    (errors.RateLimitedError("x", retry_after=SECONDS), 429),
    (errors.CapabilityUnsupportedError("REVOKE"), 501),
    (errors.GuardError("x", provider="p", rule="leaf.1"), 502),
    (errors.UnavailableError("x", retry_after=SECONDS), 503),
    (errors.NotReadyError("x", retry_after=SECONDS), 503),
    (errors.PendingError("x", token="t", poll_after=SECONDS), 503),
    (errors.OutcomeUnknownError("x"), 504),
    (errors.PermissionDeniedError("x", needed=("a",)), 502),
    (errors.SignerUnknownError("s"), 502),
    (errors.AuthorityRetiredError("a"), 502),
    (errors.ProviderError("x"), 502),
    *(
        (kind("x", origin=PLUGIN), 400)
        for kind in (
            errors.PluginError,
            errors.PluginImportError,
            errors.PluginHookError,
            errors.PluginAnswerError,
            errors.PluginVersionError,
        )
    ),
    (errors.PluginConformanceError("x", origin=PLUGIN, level="L2"), 400),
    (errors.PluginUnknownError("x", name="acme", known=("a",), where="ca.provider"), 400),
    (errors.PluginDuplicateError("acme", owners=(PLUGIN, PLUGIN), where="ca.provider"), 400),
    (errors.Error("x"), 500),
]
IDS = [type(error).__name__ for error, _ in TABLE]


@pytest.mark.parametrize(("error", "status"), TABLE, ids=IDS)
def test_each_error_has_its_status(error, status):
    """The table of the design, line by line, in both forms."""
    assert status_of(error) == status
    for accept in ("*/*", "application/json"):
        assert problem_response(error, accept).status == status


def test_the_table_knows_every_error_there_is():
    """An error class without a line in this test is a decision nobody took."""
    kinds = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.Error)
    }
    assert kinds == {type(error) for error, _ in TABLE}


@pytest.mark.parametrize(("error", "status"), TABLE, ids=IDS)
def test_retry_after_is_there_when_it_is_known(error, status):
    """429 and 503 say when to come back, in whole seconds rounded up; the others do not."""
    found = problem_response(error, "*/*").headers.get("retry-after")
    assert found == ("3" if status in {429, 503} else None)


@pytest.mark.parametrize("span", [timedelta(), timedelta(microseconds=1), timedelta(seconds=-5)])
def test_retry_after_is_at_least_a_second(span):
    """Zero would invite a storm."""
    error = errors.UnavailableError("x", retry_after=span)
    assert problem_response(error, "").headers["retry-after"] == "1"


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/html, */*;q=0.8"])
def test_plain_text_is_for_those_who_do_not_ask_for_json(accept):
    """Consul's clients get the bare sentence, with its hint."""
    error = errors.NotFoundError("no agent 'x'", field="node", hint="list them")
    answer = problem_response(error, accept)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.body == b"node: no agent 'x' (list them)"


@pytest.mark.parametrize(
    "accept", ["application/json", "application/problem+json", "text/html, Application/JSON;q=0.1"]
)
def test_a_problem_document_is_for_those_who_ask_for_json(accept):
    """RFC 9457: type, title, status, detail; hint and field where they are known."""
    error = errors.NotFoundError("no agent 'x'", field="node", hint="list them")
    answer = problem_response(error, accept)
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.body) == {
        "type": "urn:ca-core:problem:NotFoundError",
        "title": "Not Found",
        "status": 404,
        "detail": "node: no agent 'x'",
        "hint": "list them",
        "field": "node",
    }


def test_a_problem_names_its_class():
    """The class is in a header too: an agent tells a missing path from a missing row by it."""
    assert problem_response(errors.NotFoundError("x"), "").headers == {
        "x-ca-core-error": "NotFoundError"
    }
