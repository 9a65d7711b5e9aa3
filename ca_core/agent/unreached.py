"""What keeps a request from a server: it was not reached, or was not heard of again."""

from ca_core.errors import OutcomeUnknownError, UnavailableError


class UnreachedError(UnavailableError):
    """The server was not reached, is none of ours, or did not accept this agent; nothing was done.

    Another one may be asked.
    """


class BrokenOffError(OutcomeUnknownError):
    """The server took a request and was not heard of again."""
