"""A forecast as a picture: SVG, drawn by hand."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from ca_core.lifecycle.simulation.forecast import Forecast, PhaseAt, Point

WIDTH, HEIGHT = 900, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 60, 50
_ASKED, _SIGNED, _LINE, _TEXT = "#c2410c", "#1d4ed8", "#9ca3af", "#374151"
_TICKS = 5


def svg_of(forecast: Forecast) -> str:
    """Return the CSRs a second over time, with the phases, as an SVG document."""
    frame = _Frame(forecast.curve)
    parts = [
        _text(_LEFT, 24, _title(forecast), size=16),
        _text(_LEFT, 44, _subtitle(forecast)),
        *frame.axes(),
        *(frame.phase(one) for one in forecast.phases if frame.shows(one.at)),
        frame.line([(point.at, point.asked) for point in forecast.curve], _ASKED, "asked"),
        frame.line([(point.at, point.signed) for point in forecast.curve], _SIGNED, "signed"),
        _text(WIDTH - 190, 24, "CSRs asked a second", colour=_ASKED),
        _text(WIDTH - 190, 44, "CSRs signed a second", colour=_SIGNED),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _title(forecast: Forecast) -> str:
    return f"{forecast.kind}: {forecast.outcome}"


def _subtitle(forecast: Forecast) -> str:
    return (
        f"{forecast.failed_handshakes:.0f} of {forecast.handshakes:.0f} handshakes fail, "
        f"{forecast.asked} CSRs, {forecast.refused} told to come back later"
    )


class _Frame:
    """Where moments and numbers lie on the picture."""

    def __init__(self, curve: Sequence[Point]) -> None:
        self._first = curve[0].at if curve else 0.0
        self._span = max((curve[-1].at if curve else 0.0) - self._first, 1.0)
        self._most = max((max(point.asked, point.signed) for point in curve), default=0.0) or 1.0

    def shows(self, at: float) -> bool:
        """Say whether a moment is on the picture."""
        return self._first <= at <= self._first + self._span

    def axes(self) -> list[str]:
        """Return both axes with their numbers."""
        floor, ceiling = HEIGHT - _BOTTOM, _TOP
        found = [_line(_LEFT, floor, WIDTH - _RIGHT, floor), _line(_LEFT, floor, _LEFT, ceiling)]
        for tick in range(_TICKS + 1):
            at = self._first + self._span * tick / _TICKS
            number = self._most * tick / _TICKS
            found.append(_text(self._x(at), floor + 20, f"{at:.0f} s", anchor="middle"))
            found.append(_text(_LEFT - 8, self._y(number) + 4, f"{number:.0f}", anchor="end"))
        return found

    def phase(self, one: PhaseAt) -> str:
        """Return a mark where the operation came into a phase."""
        x = self._x(one.at)
        mark = _line(x, HEIGHT - _BOTTOM, x, _TOP, dash="4 4")
        return mark + "\n" + _text(x + 4, _TOP + 12, one.phase)

    def line(self, points: Sequence[tuple[float, float]], colour: str, name: str) -> str:
        """Return one curve."""
        path = " ".join(f"{self._x(at):.1f},{self._y(number):.1f}" for at, number in points)
        return (
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}">'
            f"<title>{escape(name)}</title></polyline>"
        )

    def _x(self, at: float) -> float:
        return _LEFT + (at - self._first) / self._span * (WIDTH - _LEFT - _RIGHT)

    def _y(self, number: float) -> float:
        return HEIGHT - _BOTTOM - number / self._most * (HEIGHT - _BOTTOM - _TOP)


def _line(x1: float, y1: float, x2: float, y2: float, *, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{_LINE}"{dashes}/>'


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", colour: str = _TEXT
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(text)}</text>'
