"""Names of users: what a machine's own list knows, and nothing where it knows nothing."""

import pytest

from ca_core.acl.users import PASSWD, local_user

LIST = """root:x:0:0:root:/root:/bin/bash
web:x:1000:1000::/home/web:/bin/sh
shadow:x:1000:1001::/:/bin/sh
damaged
strange\x1b[31m:x:7:7::/:/bin/sh
"""


@pytest.fixture
def passwd(tmp_path):
    """Write a list of users."""
    path = tmp_path / "passwd"
    path.write_text(LIST)
    return path


@pytest.mark.parametrize(("uid", "name"), [(0, "root"), (1000, "web")])
def test_a_user_is_told_by_the_first_name_of_the_list(passwd, uid, name):
    """As ``id`` says it."""
    assert local_user(uid, passwd) == name


@pytest.mark.parametrize("uid", [7, 1, 4_200_000_001, 2**32 - 1, 2**70])
def test_a_user_without_a_name_that_can_be_printed_has_none(passwd, uid):
    """The number alone is told."""
    assert local_user(uid, passwd) == ""


def test_a_machine_without_a_list_knows_nobody(tmp_path):
    """Some containers have none."""
    assert local_user(0, tmp_path / "none") == ""
    assert PASSWD.name == "passwd"
