"""Providers that do not know what to think of a lost answer."""

import secrets

from ca_core.contract import OutcomeUnknownError, UnavailableError, signer_name
from tests.conformance.broken.faults import remote
from tests.conformance.remote.client import Client
from tests.conformance.remote.provider import RemoteProvider


class NothingHappened(Client):
    """Takes a lost answer for a request that was never sent."""

    def lost(self, method, error):
        """Say that nothing was done."""
        return UnavailableError(f"no answer: {type(error).__name__}")


class DrawsNames(RemoteProvider):
    """Draws the backend's names by lot, and keeps a record of them."""

    DEPTH = 2
    """How many parts a path has that ends with a name which is drawn."""

    def ask(self, request, method, *path, body=None):
        """Put the name that was drawn in the place of the id."""
        if len(path) >= self.DEPTH:
            *above, part = path[: self.DEPTH]
            path = (*above, self.named(part), *path[self.DEPTH :])
        return super().ask(request, method, *path, body=body)

    def named(self, part):
        """Return the backend's name for an id."""
        return self.context.state.get(self.record(part)) or part

    def record(self, part):
        """Return where the name is kept."""
        return f"name/{self.context.authority_id}/{part}"


class OwnName(DrawsNames):
    """After a lost answer it goes on with the name that it drew, whatever stands by then."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.lost = {}
        self.drawn = {}

    def ensure_authority(self, request):
        """Make it, then record it."""
        return self.made(super().ensure_authority, request)

    def made(self, method, request):
        """Make what has a name, under a name that is recorded afterwards."""
        record = self.record(request.id)
        mine = self.lost.get(request.id) or self.context.state.get(record)
        self.drawn[request.id] = mine = mine or f"x-{secrets.token_hex(6)}"
        try:
            answer = method(request)
        except OutcomeUnknownError:
            self.lost[request.id] = mine
            raise
        finally:
            self.drawn.pop(request.id, None)
        standing = self.context.state.create(record, mine)
        return answer if standing == mine or request.id in self.lost else method(request)

    def named(self, part):
        """Return the name just drawn, while it is being made."""
        return self.drawn.get(part) or super().named(part)


class OwnSignerName(OwnName):
    """Does so with signers, and with nothing else."""

    DEPTH = 4

    def ensure_authority(self, request):
        """Draw nothing."""
        return RemoteProvider.ensure_authority(self, request)

    def prepare_signer(self, request):
        """Make it, then record it."""
        signer_name(request.id)
        return self.made(super().prepare_signer, request)


class NewName(DrawsNames):
    """Records a name before it makes anything, and another one after a lost answer."""

    def ensure_authority(self, request):
        """Take a lost answer for a name that was used up."""
        fresh = f"x-{secrets.token_hex(6)}"
        standing = self.context.state.create(self.record(request.id), fresh)
        try:
            return super().ensure_authority(request)
        except OutcomeUnknownError:
            self.context.state.replace(self.record(request.id), standing, None)
            raise


BROKEN = (
    remote("nothing-happened", "a lost answer is no answer", "lost.leaf", client=NothingHappened),
    remote("own-name", "two objects, two authorities", "lost.authority", OwnName, counted=False),
    remote(
        "own-signer-name", "two objects, two signers", "lost.signer", OwnSignerName, counted=False
    ),
    remote("new-name", "makes another one instead", "lost.duplicates", NewName),
)
