"""Between a cache and where its values come from: the cache asks, and is told what came."""

from typing import Protocol, TypeVar

from ca_core.errors import Error

AskedT_contra = TypeVar("AskedT_contra", contravariant=True)
ToldT_contra = TypeVar("ToldT_contra", contravariant=True)


class Told(Protocol[AskedT_contra, ToldT_contra]):
    """Whoever is told what became of a fetch; what was forgotten meanwhile is left aside."""

    def arrived(self, key: AskedT_contra, value: ToldT_contra, index: int) -> None:
        """Take a value over; any index below 1 counts as 1.

        Raises:
            ProviderError: it is none; nothing has changed.
        """
        ...

    def unchanged(self, key: AskedT_contra) -> None:
        """Note that what is held is what the server holds."""
        ...

    def failed(self, key: AskedT_contra, error: Error) -> None:
        """Note why nothing came."""
        ...


class Source(Protocol[AskedT_contra]):
    """Fetches values; at most one fetch is in flight for each key."""

    def ask(self, key: AskedT_contra) -> bool:
        """Fetch anew, and go on following what is followed; a fetch that waits is overtaken.

        Returns False, and does nothing, if it is too soon after failures.
        """
        ...

    def forget(self, key: AskedT_contra) -> None:
        """Fetch it no more; a fetch in flight ends."""
        ...
