"""Providers that do not survive a caller who gives up."""

from ca_core.contract import OutcomeUnknownError, UnavailableError
from tests.conformance.broken.hostility import small
from tests.conformance.broken.small import SmallProvider


class RaisesTimeout(SmallProvider):
    """Lets the exception of its library out when a deadline has passed."""

    def sign_leaf(self, request):
        """Look at the clock."""
        if request.deadline <= self.context.clock.now():
            raise TimeoutError
        return super().sign_leaf(request)


class RemembersFailures(SmallProvider):
    """Remembers which requests were too late, and answers them alike for ever."""

    def __init__(self, context):
        super().__init__(context)
        self.late = set()

    def sign_leaf(self, request):
        """Look the request id up."""
        if request.deadline <= self.context.clock.now():
            self.late.add(request.request_id)
        if request.request_id in self.late:
            raise OutcomeUnknownError("it was too late")
        return super().sign_leaf(request)


class StaysBusy(SmallProvider):
    """Puts up a mark while it works, and takes it down after errors and answers alone."""

    busy = False

    def prepare_signer(self, request):
        """Forget that a call may end in other ways."""
        if self.busy:
            raise UnavailableError("another call is under way")
        self.busy = True
        try:
            signer = super().prepare_signer(request)
        except Exception:
            self.busy = False
            raise
        self.busy = False
        return signer


BROKEN = (
    small("raises-timeout", "lets TimeoutError out", RaisesTimeout, "cancel.deadline", later=True),
    small(
        "remembers-failures",
        "a request that was too late once stays so",
        RemembersFailures,
        "cancel.repeat",
        later=True,
    ),
    small("stays-busy", "stays busy after a torn call", StaysBusy, "cancel.torn", later=True),
)
