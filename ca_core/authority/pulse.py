"""How the provider is, asked so that nobody waits long: a health check must not stop the server."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

from ca_core.contract.answers import Credential, Health

PATIENCE = 0.25
"""Seconds; the contract gives a shallow answer a fifth of it."""


class Pulse:
    """Asks for health on a thread of its own, one question at a time; made and used on one loop.

    A provider that does not answer keeps that one thread; it ends with the process.

    Args:
        ask: gives the health.
        patience: seconds that ``taken`` waits at most.
    """

    def __init__(self, ask: Callable[[], Health], *, patience: float = PATIENCE) -> None:
        self._ask = ask
        self._patience = patience
        self._asked: asyncio.Future[Health] | None = None
        self._last = Health(ok=False, message="the provider was not asked yet")

    @property
    def credential(self) -> Credential | None:
        """Return the provider's credential as it was when last asked; None if none is known."""
        return self._last.credential

    async def taken(self) -> Health:
        """Return how the provider is now; if it does not say in time, that, and what it said last.

        May be called by many at once: they wait for the same answer.
        """
        if self._asked is None or self._asked.done():
            self._asked = self._begun(asyncio.get_running_loop())
        done, _ = await asyncio.wait({self._asked}, timeout=self._patience)
        if done:
            self._last = self._asked.result()
            return self._last
        late = f"the provider does not say within {self._patience * 1000:.0f} ms how it is"
        return replace(self._last, ok=False, message=late)

    async def remark(self) -> str:
        """Return what a server that is ready should say of its credential all the same; or ''."""
        found = (await self.taken()).credential
        if found is None or not found.failures:
            return ""
        return (
            f"the provider's credential could not be renewed, failures in a row: {found.failures}"
        )

    def _answer(self) -> Health:
        try:
            return self._ask()
        except Exception as error:  # noqa: BLE001 - else nobody would ever be answered again
            return Health(ok=False, message=f"asking the provider raised {type(error).__name__}")

    def _begun(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Health]:
        answer: asyncio.Future[Health] = loop.create_future()

        def work() -> None:
            health = self._answer()
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(answer.set_result, health)

        threading.Thread(target=work, name="ca-health", daemon=True).start()
        return answer
