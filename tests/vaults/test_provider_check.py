"""``provider check --online`` names what a policy lacks before anything is made, and the token."""

import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.vaults.policies import lines_of
from tests.vaults.subjects import Mounts
from tests.vaults.test_policies import EACH, held_to

CA_CORE = Path(sys.executable).with_name("ca-core")
SAMPLED = [
    pytest.param(*each, marks=[] if zlib.crc32(repr(each).encode()) % 24 == 0 else pytest.mark.soak)
    for each in EACH
]
"""Some lines in every run, since a command takes a second; all of them in ``make soak``."""


def checked(folder, config):
    """Return exit code, answer (None if there is none) and errors of the command."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in config.items()]
    (folder / "ca-core.toml").write_text(
        "\n".join(['[ca]\nprovider = "vault"\n[ca.config]', *lines])
    )
    told = subprocess.run(
        [CA_CORE, "provider", "check", "vault", "--online", "--timeout", "30", "-o", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert config["token"] not in told.stdout + told.stderr
    return told.returncode, json.loads(told.stdout) if told.stdout else None, told.stderr


@pytest.mark.parametrize(("name", "left_out"), SAMPLED)
def test_the_command_names_the_path_and_the_capability_that_a_policy_lacks(
    vault, tmp_path, name, left_out
):
    """As ``probe`` does, for each line; a token that cannot even be looked up is an error."""
    tried = held_to(name, vault, left_out)
    before = tried.count_objects()
    code, answer, errors = checked(tmp_path, tried.make_config(None))
    said = answer["Online"]["MissingPermissions"] if answer else [errors]
    line = lines_of(name)[left_out]
    tail = re.sub("connect-[a-z]+|ISSUER.*", "", line.split('"')[1].partition("/")[2].rstrip("*+"))
    capabilities = re.findall('"([a-z]+)"', line.partition("capabilities")[2])
    named = [one for one in said if tail in one and any(word in one for word in capabilities)]
    assert (code in {4, 6}, bool(named)) == (True, True), (code, line, said)
    assert answer is None or not answer["OK"]
    assert tried.count_objects() == before


def test_the_command_shows_hours_and_how_the_token_comes(vault, tmp_path):
    """A token of an hour that nothing hinders is well, and no secret is shown."""
    fields = {"ttl": "1h", "no_parent": True}
    token = vault.call("POST", "auth/token/create", fields)["auth"]["client_token"]
    code, answer, _ = checked(tmp_path, Mounts(vault).config(token=token))
    online = answer["Online"]
    assert (code, answer["OK"], online["Details"]["token"]) == (0, True, "token")
    assert 0.99 < online["Credential"]["HoursLeft"] <= 1
    assert online["Credential"]["Failures"] == 0


def test_a_token_without_end_says_so(vault, tmp_path):
    """Null is not zero."""
    _, answer, _ = checked(tmp_path, Mounts(vault).config(token=vault.token))
    credential = answer["Online"]["Credential"]
    assert (credential["Ends"], credential["HoursLeft"]) == (None, None)
