"""Providers that leave something behind each time."""

import os
import threading

from ca_core.contract import UnavailableError
from tests.conformance.broken.hostility import small
from tests.conformance.broken.small import SmallProvider


class Lingering:
    """A thread that ends when nobody knows this any more; closing its provider does not end it."""

    def __init__(self):
        self.ended = threading.Event()
        threading.Thread(target=self.ended.wait, args=(60,), daemon=True).start()

    def __del__(self):
        self.ended.set()


class OpenFile:
    """A file that is closed when nobody knows this any more."""

    def __init__(self):
        self.numbers = os.pipe()  # no two are alike, whatever number they get

    def __del__(self):
        for number in self.numbers:
            os.close(number)


class LeavesThreads(SmallProvider):
    """Starts a thread with its first leaf that watches something, and never ends it."""

    watch = None

    def sign_leaf(self, request):
        """Watch from now on."""
        self.watch = self.watch or Lingering()
        return super().sign_leaf(request)


class LeavesFiles(SmallProvider):
    """Opens a file with its first leaf, and never closes it."""

    file = None

    def sign_leaf(self, request):
        """Open the log of signatures."""
        self.file = self.file or OpenFile()
        return super().sign_leaf(request)


class RetriesForEver(SmallProvider):
    """Starts to retry in the background when it failed, and goes on after it was closed."""

    loop = None

    def ensure_authority(self, request):
        """Retry later."""
        try:
            return super().ensure_authority(request)
        except UnavailableError:
            self.loop = self.loop or Lingering()
            raise


BROKEN = (
    small("leaves-threads", "leaves a thread", LeavesThreads, "leak.threads", later=True),
    small("leaves-files", "leaves a file open", LeavesFiles, "leak.files", later=True),
    small("retries-for-ever", "leaves a loop", RetriesForEver, "leak.failures", later=True),
)
