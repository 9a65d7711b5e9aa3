"""What an answer of another process means, and whose words its error has."""

import msgspec
import pytest

from ca_core.agent.answers import error_of
from ca_core.errors import (
    DeniedError,
    NotReadyError,
    OutcomeUnknownError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)


def refusal(status, *headers, detail="this process is stopping", **who):
    """Return the error of one answer."""
    return error_of(status, headers, msgspec.json.encode({"detail": detail}), **who)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (429, "", RateLimitedError),
        (500, "", ProviderError),
        (503, "", UnavailableError),
        (503, "NotReadyError", NotReadyError),
        (504, "", OutcomeUnknownError),
        (404, "", UnavailableError),
    ],
)
def test_what_a_server_says_of_itself_is_told_as_its_words(status, name, kind):
    """In an agent's log it would read as if the agent stopped."""
    error = refusal(status, (b"X-Ca-Core-Error", name.encode()))
    assert type(error) is kind
    assert str(error).startswith("the server says: this process is stopping")


def test_another_process_is_named_for_what_it_is():
    """Programs that keep files ask an agent."""
    error = refusal(503, speaker="the agent")
    assert str(error) == "the agent says: this process is stopping"
    assert str(error_of(503, (), b"", speaker="the agent")) == "the agent answered 503"


@pytest.mark.parametrize(("status", "kind"), [(403, DeniedError), (400, RequestError)])
def test_what_is_said_of_a_request_is_passed_on_as_it_is(status, kind):
    """Clients compare it."""
    error = refusal(status, detail="ACL not found")
    assert type(error) is kind
    assert str(error) == "ACL not found"
