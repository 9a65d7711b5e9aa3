"""What the slow provider talks to: a service that answers every request later, like AWS Private CA.

It forgets idempotency tokens after a while and does not keep names unique; only a tag tells which
CA was made for what.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca_core.contract import Clock, KeySpec, PrivateKey, RequestError, generate_key
from ca_core.testing.clock import FakeClock

TOKEN_LIFE = timedelta(minutes=5)
"""A repeat with the same idempotency token within this span finds the first request's result."""

Work = Callable[[PrivateKey, tuple[x509.Certificate, ...]], x509.Certificate]
"""Signs one certificate, given a CA's key and its chain (empty before the first import)."""


@dataclass(slots=True)
class _CA:
    tag: str
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(slots=True)
class _Job:
    ready_at: datetime
    polls_left: int
    certificate: x509.Certificate | None = None


class SlowBackend:
    """CAs and certificates by ARN, each ready after ``delay`` and after ``polls`` vain questions.

    Thread-safe. ``made`` counts every CA ever requested, for tests.
    """

    def __init__(
        self, clock: Clock | None = None, *, polls: int = 1, delay: timedelta = timedelta()
    ) -> None:
        self.made: int = 0
        self._clock = FakeClock() if clock is None else clock
        self._polls = polls
        self._delay = delay
        self._cas: dict[str, _CA] = {}
        self._jobs: dict[str, _Job] = {}
        self._tokens: dict[tuple[str, str], tuple[datetime, str]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def request_ca(self, token: str, tag: str, spec: KeySpec) -> str:
        """Ask for a CA with a new key; return its ARN at once, though it is not ready."""
        with self._lock:
            known = self._remembered("ca", token)
            if known is not None:
                return known
            self.made += 1
            arn = self._started("ca", token)
            self._cas[arn] = _CA(tag, generate_key(spec))
            return arn

    def find(self, tag: str) -> tuple[str, ...]:
        """Return the ARNs of the CAs whose tag is ``tag`` or lies below it, oldest first."""
        with self._lock:
            return tuple(
                arn
                for arn, ca in self._cas.items()
                if ca.tag == tag or ca.tag.startswith(f"{tag}/")
            )

    def is_ready(self, arn: str) -> bool:
        """Ask once whether a CA or a certificate is ready."""
        with self._lock:
            job = self._jobs.get(arn)
            if job is None:
                return False
            job.polls_left -= 1
            return job.polls_left < 0 and job.ready_at <= self._clock.now()

    def issue(self, ca: str, token: str, work: Work) -> str:
        """Ask a CA that is ready for a certificate; return the certificate's ARN at once.

        Raises:
            RequestError: there is no such CA.
        """
        with self._lock:
            known = self._remembered(ca, token)
            if known is not None:
                return known
            certificate = work(self._ca(ca).key, self._ca(ca).chain)
            arn = self._started(ca, token)
            self._jobs[arn].certificate = certificate
            return arn

    def certificate(self, arn: str) -> x509.Certificate | None:
        """Ask once for a certificate: None while it is not ready, or if it is unknown."""
        with self._lock:
            return self._jobs[arn].certificate if self.is_ready(arn) else None

    def public_key_of(self, ca: str) -> CertificatePublicKeyTypes:
        """Return a CA's public key.

        Raises:
            RequestError: there is no such CA.
        """
        return self._ca(ca).key.public_key()

    def import_chain(self, ca: str, chain: Sequence[x509.Certificate]) -> None:
        """Give a CA its chain, own certificate first; a second chain changes nothing.

        Raises:
            RequestError: there is no such CA.
        """
        with self._lock:
            self._ca(ca).chain = self._ca(ca).chain or tuple(chain)

    def chain(self, ca: str) -> tuple[x509.Certificate, ...]:
        """Return a CA's chain; empty before it was imported, and for an unknown ARN."""
        with self._lock:
            found = self._cas.get(ca)
            return found.chain if found else ()

    def delete_ca(self, ca: str) -> None:
        """Delete a CA for good; an unknown ARN is fine."""
        with self._lock:
            self._cas.pop(ca, None)

    def _ca(self, arn: str) -> _CA:
        try:
            return self._cas[arn]
        except KeyError:
            raise RequestError(f"no CA {arn!r}", field="arn") from None

    def _started(self, scope: str, token: str) -> str:
        arn = f"arn:slow:{next(self._numbers)}"
        now = self._clock.now()
        self._jobs[arn] = _Job(now + self._delay, self._polls)
        self._tokens[scope, token] = (now, arn)
        return arn

    def _remembered(self, scope: str, token: str) -> str | None:
        at, arn = self._tokens.get((scope, token), (None, ""))
        if at is None or at + TOKEN_LIFE < self._clock.now():
            return None
        return arn
