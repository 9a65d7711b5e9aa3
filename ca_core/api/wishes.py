"""How a change is to go, out of a request and the server's own defaults."""

from datetime import timedelta

from ca_core.config.model import RotationConfig
from ca_core.durations import parse_duration
from ca_core.errors import RequestError
from ca_core.lifecycle.rows import OnDeadline, Wishes
from ca_core.wire.operations import WishesRequest


def default_wishes(rotation: RotationConfig) -> Wishes:
    """Return what the configuration says."""
    return Wishes(
        settle=rotation.settle,
        patience=rotation.patience,
        on_deadline=OnDeadline(rotation.on_deadline),
    )


def wishes_of(asked: WishesRequest, default: Wishes, *, place: str = "") -> Wishes:
    """Return what a request says, and the default where it says nothing.

    Args:
        asked: as it came.
        default: the server's own.
        place: where it stands in the body, with a dot at its end; '' at the top.

    Raises:
        RequestError: no span, no patience, or an unknown word; ``field`` names it.
    """
    patience = _span(asked.patience, default.patience, f"{place}Patience")
    if patience <= timedelta():
        raise RequestError("nobody can acknowledge in no time", field=f"{place}Patience")
    return Wishes(
        settle=_span(asked.settle, default.settle, f"{place}Settle"),
        patience=patience,
        on_deadline=_on_deadline(asked.on_deadline, default.on_deadline, f"{place}OnDeadline"),
        force=asked.force,
    )


def _span(text: str, default: timedelta, field: str) -> timedelta:
    return parse_duration(text, field=field) if text else default


def _on_deadline(text: str, default: OnDeadline, field: str) -> OnDeadline:
    try:
        return OnDeadline(text) if text else default
    except ValueError:
        known = ", ".join(OnDeadline)
        raise RequestError(f"{text[:40]!r} is none of {known}", field=field) from None
