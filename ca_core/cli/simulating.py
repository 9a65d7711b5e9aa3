"""What ``ca simulate`` does once it runs: reading its options, flying, showing."""

import re
from datetime import timedelta
from pathlib import Path

from ca_core.authority.settings import CASettings
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, print_table, progress
from ca_core.config.rules import MIN_LEAF_TTL, SIGNER_LIVES
from ca_core.durations import format_duration, parse_duration
from ca_core.errors import ConfigError, RequestError
from ca_core.lifecycle.simulation.flight import flown
from ca_core.lifecycle.simulation.forecast import Forecast
from ca_core.lifecycle.simulation.plot import svg_of
from ca_core.lifecycle.simulation.scenario import Cohort, Scenario, Span

_SPAN = re.compile(r"(?P<begin>[^+@]+)\+(?P<length>[^+@]+)")
_COHORT = re.compile(r"(?P<share>[0-9]{1,3}(?:\.[0-9]+)?)%@(?P<span>.+)")
_ROWS = 12
"""Of the curve in a table."""


def span(text: str, option: str) -> timedelta:
    """Return a span of time.

    Raises:
        RequestError: not one; names the option.
    """
    return parse_duration(text, field=option)


def outage(text: str) -> Span:
    """Return ``BEGIN+SPAN``.

    Raises:
        RequestError: not of that shape.
    """
    return _span(text, "--outage")


def cohort(text: str) -> Cohort:
    """Return ``SHARE%@BEGIN+SPAN``.

    Raises:
        RequestError: not of that shape.
    """
    found = _COHORT.fullmatch(text)
    if found is None:
        raise RequestError(f"{text[:40]!r} is not like 5%@0s+2h", field="--offline")
    return Cohort(float(found["share"]) / 100, _span(found["span"], "--offline"))


def _span(text: str, option: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise RequestError(f"{text[:40]!r} is not like 1m+10m", field=option)
    return Span(span(found["begin"], option), span(found["length"], option))


def flown_and_shown(scenario: Scenario, plot: Path | None, output: Output) -> None:
    """Simulate, write the plot, and print the forecast.

    Raises:
        RequestError: lives that do not fit into each other, or a plot that is no SVG.
        ConfigError: the plot cannot be written.
    """
    _check_lives(scenario.settings)
    if plot is not None and plot.suffix.lower() != ".svg":
        raise RequestError("the plot is an SVG: name it FILE.svg", field="--plot")
    with progress("simulating"):
        forecast = flown(scenario)
    if plot is not None:
        _write(plot, svg_of(forecast))
    if output is Output.JSON:
        print_json(dict(forecast.as_json()))
    else:
        _show(forecast, plot)


def _check_lives(settings: CASettings) -> None:
    if settings.leaf_ttl < MIN_LEAF_TTL:
        said = f"a leaf lives at least {format_duration(MIN_LEAF_TTL)}"
        raise RequestError(said, field="--leaf-ttl")
    if settings.intermediate_ttl < SIGNER_LIVES * settings.leaf_ttl:
        said = f"a signer lives at least {SIGNER_LIVES} times as long as a leaf"
        raise RequestError(said, field="--intermediate-ttl")
    if settings.root_ttl < settings.intermediate_ttl:
        raise RequestError("a root lives at least as long as a signer", field="--root-ttl")


def _write(plot: Path, drawn: str) -> None:
    try:
        plot.write_text(drawn)
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise ConfigError(reason, where=f"--plot {plot}") from error


def _show(forecast: Forecast, plot: Path | None) -> None:
    facts = [
        ("change", forecast.kind + (f": {forecast.due}" if forecast.due else "")),
        ("outcome", forecast.outcome + (f": {forecast.reason}" if forecast.reason else "")),
        ("failed handshakes", _failed(forecast)),
        ("leaves re-issued", _after(forecast.reissued_after)),
        ("old one gone", _after(forecast.retired_after)),
        ("CSRs", _csrs(forecast)),
    ]
    if forecast.missing:
        facts.append(("without the new root", f"{forecast.missing} agents"))
    if forecast.most_expired:
        facts.append(("expired leaves", f"{forecast.most_expired} at the worst moment"))
    if plot is not None:
        facts.append(("plot", str(plot)))
    print_facts(facts)
    print_lines("")
    phases = [(one.phase, _clock(one.at)) for one in forecast.phases]
    print_table(("PHASE", "AFTER"), phases, empty="")
    print_lines("")
    every = max(1, -(-len(forecast.curve) // _ROWS))
    curve = [
        (_clock(one.at), f"{one.asked:.1f}", f"{one.signed:.1f}") for one in forecast.curve[::every]
    ]
    print_table(("AFTER", "CSRS ASKED/S", "SIGNED/S"), curve, empty="No CSR was asked.")


def _failed(forecast: Forecast) -> str:
    said = f"{forecast.failed_handshakes:.0f} of {forecast.handshakes:.0f}"
    worst = forecast.worst_share
    return said + (f", at the worst moment {worst:.2%} of them" if worst else "")


def _csrs(forecast: Forecast) -> str:
    return (
        f"{forecast.asked} asked (at most {forecast.peak} in a second), {forecast.signed} signed, "
        f"{forecast.refused} told to come back later, {forecast.failed} failed"
    )


def _after(passed: timedelta | None) -> str:
    return "not in the time simulated" if passed is None else _clock(passed.total_seconds())


def _clock(seconds: float) -> str:
    """Return seconds after the beginning as people read them."""
    sign = "-" if seconds < 0 else ""
    return sign + format_duration(timedelta(seconds=round(abs(seconds))))
