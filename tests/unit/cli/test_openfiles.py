"""How many connections a process may have."""

import resource

from ca_core.cli.openfiles import use_all_files


def test_a_process_uses_all_the_files_it_may_have():
    """The soft limit becomes the hard one, so that what ``doctor`` says is what a server has."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
    try:
        assert use_all_files() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
