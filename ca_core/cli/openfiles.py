"""How many files and connections this process may have open: as many as the machine lets it."""

import resource


def use_all_files() -> int:
    """Raise the soft limit to the hard one; return it. Each parked query is a connection.

    Source: getrlimit(2): the soft limit may be raised up to the hard one by anybody.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
