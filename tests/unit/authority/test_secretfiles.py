"""Which files with secrets others on the host may read."""

import pytest

from ca_core.authority.secretfiles import open_files


@pytest.fixture
def secret(tmp_path):
    """Return a maker of files with a mode."""

    def make(mode, name="token"):
        path = tmp_path / name
        path.write_text("hvs.secret")
        path.chmod(mode)
        return str(path)

    return make


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666, 0o602])
def test_a_file_that_others_may_use_is_found_with_the_command_that_closes_it(secret, mode):
    """The sentence names key, path and mode, and nothing of the content."""
    path = secret(mode)
    (found,) = open_files({"address": "x", "token_file": path})
    assert str(found) == f"ca.config.token_file: others may read {path} (mode {mode:04o})"
    assert found.remedy == f"chmod o= {path}"
    assert "hvs" not in repr(found)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_file_for_its_owner_or_group_is_none(secret, mode):
    """Helpers that fetch tokens write for a group."""
    assert open_files({"token_file": secret(mode)}) == ()


def test_tables_are_looked_into_and_public_files_are_not_meant(secret):
    """The certificate of a CA may be read by all, the secret of an AppRole may not."""
    path = secret(0o644)
    params = {"role_id_file_path": path, "secret_id_file_path": path}
    config = {"ca_file": path, "cert_file": path, "auth_method": {"params": params}}
    assert [one.key for one in open_files(config)] == ["auth_method.params.secret_id_file_path"]


@pytest.mark.parametrize("value", ["/nowhere/at/all", "", "a\0b", 7, None])
def test_what_is_no_file_is_none(value):
    """The provider says what is wrong with it."""
    assert open_files({"token_file": value}) == ()
