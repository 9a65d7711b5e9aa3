"""Which lives a change would give shorter than asked for, or only later; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.authority.settings import CASettings
from ca_core.durations import format_duration
from ca_core.lifecycle.rows import Kind
from ca_core.wire.times import wire_time

_LIMITS = {
    "max_leaf_ttl_seconds": "leaf_ttl",
    "max_intermediate_ttl_seconds": "intermediate_ttl",
    "max_root_ttl_seconds": "root_ttl",
}
"""A limit among a provider's findings → the life that it bounds."""

_END = "not_after_utc"
"""Among a provider's findings: when the first certificate of an existing CA's chain ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """What bounds the lives under a change.

    Attributes:
        wanted: the new configuration.
        standing: the present one.
        limits: of the new provider's findings.
        root: chain of the present authority; empty if the change makes another.
        signer: the present signer; None if the change makes another.
    """

    wanted: CASettings
    standing: CASettings
    limits: Mapping[str, str]
    root: tuple[x509.Certificate, ...] = ()
    signer: x509.Certificate | None = None


def ttl_rules(kind: Kind, lives: Lives, now: datetime) -> tuple[str, ...]:
    """Return the lives that would be shortened or come later, and by what, a sentence each."""
    return (
        *_limited(lives),
        *_clamped(lives, now),
        *(_later(lives) if kind is Kind.SETTINGS else ()),
    )


def _limited(lives: Lives) -> list[str]:
    found = []
    for limit, name in _LIMITS.items():
        most = _seconds(lives.limits.get(limit, ""))
        asked: timedelta = getattr(lives.wanted, name)
        if most is not None and asked > most:
            found.append(
                f"{name} {format_duration(asked)} is shortened to {format_duration(most)}: "
                "the provider gives no longer one"
            )
    return found


def _clamped(lives: Lives, now: datetime) -> list[str]:
    """Return what ends with its issuer instead of after its own life."""
    found = []
    end = _end_of_root(lives)
    if end is not None and now + lives.wanted.intermediate_ttl > end:
        asked = format_duration(lives.wanted.intermediate_ttl)
        found.append(
            f"intermediate_ttl {asked} is shortened: the root ends at {wire_time(end)}, "
            "and no signer outlives it"
        )
    last = end if lives.signer is None else lives.signer.not_valid_after_utc
    if last is not None and now + lives.wanted.leaf_ttl > last:
        asked = format_duration(lives.wanted.leaf_ttl)
        found.append(
            f"leaf_ttl {asked} is shortened: the signer ends at {wire_time(last)}, "
            "and no leaf outlives it"
        )
    return found


def _later(lives: Lives) -> list[str]:
    """Return the lives that what exists already keeps."""
    nexts = {"root_ttl": "root", "intermediate_ttl": "signer", "leaf_ttl": "leaf of each service"}
    return [
        f"{name} {format_duration(getattr(lives.wanted, name))} counts from the next {what} on"
        for name, what in nexts.items()
        if getattr(lives.wanted, name) != getattr(lives.standing, name)
    ]


def _end_of_root(lives: Lives) -> datetime | None:
    if lives.root:
        return min(certificate.not_valid_after_utc for certificate in lives.root)
    try:
        return datetime.fromisoformat(lives.limits.get(_END, ""))
    except ValueError:
        return None


def _seconds(text: str) -> timedelta | None:
    """Return a limit as a span; None if there is none, or if it is no number."""
    return timedelta(seconds=int(text)) if text.isdecimal() else None
