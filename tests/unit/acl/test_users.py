"""Names of users: what this machine knows, and nothing where it knows nothing."""

import os
import pwd

import pytest

from ca_core.acl.users import local_user


def test_a_user_is_told_by_the_name_that_this_machine_has():
    """As ``id`` says it; CI may run under a uid without a name."""
    known = {each.pw_uid: pwd.getpwuid(each.pw_uid).pw_name for each in pwd.getpwall()}
    assert {uid: local_user(uid) for uid in known} == known
    assert local_user(os.getuid()) == known.get(os.getuid(), "")


@pytest.mark.parametrize("uid", [4_200_000_001, 2**32 - 1, 2**70])
def test_a_user_whom_this_machine_does_not_know_has_no_name(uid):
    """The number alone is told."""
    assert local_user(uid) == ""
