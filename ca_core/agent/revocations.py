"""What was revoked, as the agent knows it: CRLs of the mesh, asked for where chains are shown."""

import asyncio
from datetime import timedelta

from cryptography import x509

from ca_core.agent.upstream import Upstream
from ca_core.clock import Clock
from ca_core.errors import Error, ProviderError
from ca_core.wire.revocation import CrlsAnswer

FRESH_FOR = timedelta(seconds=10)
"""A revocation counts here this long after the server knows of it, at the latest."""

PAUSE = timedelta(seconds=5)
"""After a failure what is known counts this long before a server is asked again."""

Mark = tuple[bytes, int]
"""A certificate as CRLs name it: its issuer's name (DER), and its serial number."""


class Revocations:
    """The revoked certificates one agent knows. Used from one event loop.

    While no server answers, what is known counts; before anything is known, nothing is decided.
    """

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._revoked: frozenset[Mark] | None = None
        self._ask_at = 0.0
        self._asking = asyncio.Lock()

    def __contains__(self, certificate: x509.Certificate) -> bool:
        """Say whether it was revoked, as far as is known."""
        mark = (certificate.issuer.public_bytes(), certificate.serial_number)
        return self._revoked is not None and mark in self._revoked

    async def refreshed(self) -> None:
        """Return once what is known is fresh, or as fresh as can be had.

        Raises:
            Error: nothing is known yet, and no server says anything.
        """
        if self._is_known:
            return
        async with self._asking:
            if not self._is_known:
                await self._ask()

    @property
    def _is_known(self) -> bool:
        return self._revoked is not None and self._clock.monotonic() < self._ask_at

    async def _ask(self) -> None:
        try:
            self._revoked = revoked_in(await self._upstream.crls())
        except Error:
            self._ask_at = self._clock.monotonic() + PAUSE.total_seconds()
            if self._revoked is None:
                raise
        else:
            self._ask_at = self._clock.monotonic() + FRESH_FOR.total_seconds()


def revoked_in(answer: CrlsAnswer) -> frozenset[Mark]:
    """Return what CRLs list; pure.

    They come from our server over mTLS, so that who signed them is not asked.

    Raises:
        ProviderError: one cannot be read.
    """
    try:
        found = [x509.load_pem_x509_crl(pem.encode()) for pem in answer.crls]
        return frozenset(
            (crl.issuer.public_bytes(), entry.serial_number) for crl in found for entry in crl
        )
    except ValueError as error:
        raise ProviderError(f"the server sent no CRL: {error}") from error
