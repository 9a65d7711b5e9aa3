"""A token file counts as it is now, and does no harm while it is replaced."""

import pytest
from ca_provider_vault.lease import LAST_PAUSE

from ca_core.contract import (
    ConfigError,
    PermissionDeniedError,
)
from tests.unit.providers.vault.keeping import HOUR, MINUTE, SECOND, keeper_of, pass_time


def test_a_token_file_is_read_again_when_it_changes(server, clock, tmp_path):
    """The new token is in use within half a minute, and the old one until then."""
    file = tmp_path / "token"
    first, second = server.issue(HOUR), server.issue(HOUR)
    file.write_text(f"{first.reveal()}\n")
    keeper = keeper_of(server, token_file=str(file))
    assert keeper.token() == first
    file.write_text(second.reveal())
    assert keeper.token() == first
    pass_time(keeper, clock, 31 * SECOND)
    assert keeper.token() == second


def test_a_refused_token_is_replaced_by_what_the_file_holds_now(server, tmp_path):
    """Rotation by revoking works at once."""
    file = tmp_path / "token"
    first, second = server.issue(HOUR), server.issue(HOUR)
    file.write_text(first.reveal())
    keeper = keeper_of(server, token_file=str(file))
    assert not keeper.refused(keeper.token())
    file.write_text(second.reveal())
    assert keeper.refused(first)
    assert keeper.token() == second


def test_a_file_that_is_being_replaced_does_no_harm(server, clock, tmp_path, caplog):
    """Missing, empty or torn for a moment: the token in hand stays."""
    file = tmp_path / "token"
    token = server.issue(HOUR)
    file.write_text(token.reveal())
    keeper = keeper_of(server, token_file=str(file))
    keeper.token()
    file.unlink()
    pass_time(keeper, clock, MINUTE)
    file.write_text("")
    pass_time(keeper, clock, MINUTE)
    assert keeper.token() == token
    assert not caplog.records


def test_a_new_token_in_the_file_ends_the_pause_after_failures(server, clock, tmp_path):
    """The operator who mends it does not wait."""
    file = tmp_path / "token"
    file.write_text("s.unknown-token")
    keeper = keeper_of(server, token_file=str(file))
    for _ in range(6):
        with pytest.raises(PermissionDeniedError):
            keeper.token()
        clock.advance(LAST_PAUSE)
    with pytest.raises(PermissionDeniedError):
        keeper.token()
    with pytest.raises(PermissionDeniedError, match="no token") as caught:
        keeper.token()
    assert caught.value.needed == ("auth/token/lookup-self: read",)
    file.write_text(server.issue(HOUR).reveal())
    assert keeper.token()


def test_a_new_token_of_the_file_is_tried_again_after_an_outage(server, clock, tmp_path):
    """A file that changed while the server was away is not forgotten."""
    file = tmp_path / "token"
    first, second = server.issue(HOUR, renewable=True), server.issue(HOUR, renewable=True)
    file.write_text(first.reveal())
    keeper = keeper_of(server, token_file=str(file))
    keeper.token()
    file.write_text(second.reveal())
    server.down = True
    pass_time(keeper, clock, 5 * MINUTE)
    server.down = False
    pass_time(keeper, clock, MINUTE)
    assert keeper.token() == second


def test_a_token_file_may_begin_with_the_mark_of_an_editor(server, tmp_path):
    """And end as lines do elsewhere."""
    file, token = tmp_path / "token", server.issue(HOUR)
    file.write_bytes(b"\xef\xbb\xbf" + token.reveal().encode() + b"\r\n")
    assert keeper_of(server, token_file=str(file)).token() == token


@pytest.mark.parametrize(
    "content", ["", "two words", b"\xff\xfe\x00", b"s.a\x00", b"s\x00.\x00a\x00"]
)
def test_a_file_without_a_token_is_the_operators_fault(server, tmp_path, content):
    """The error names the file and shows nothing of what it holds."""
    file = tmp_path / "token"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match="token_file") as caught:
        keeper_of(server, token_file=str(file)).token()
    assert "two words" not in str(caught.value)


def test_a_look_up_that_finds_no_server_is_no_answer_about_anything_else(server):
    """A caller must not think that what it wanted to delete or to read is not there."""
    keeper = keeper_of(server, token=server.issue(HOUR))
    server.status = 404
    with pytest.raises(ConfigError, match="lookup-self"):
        keeper.token()
