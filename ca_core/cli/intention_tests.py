"""What ``intention test`` does; imported when it runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ca_core.cli.client import Client
from ca_core.cli.intention_actions import INTENTIONS
from ca_core.cli.intention_proofs import index_of, intention_file, read_text, show
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, print_lines, print_table
from ca_core.errors import ConfigError, RequestError
from ca_core.intentions.documents import Expectation, parsed_expectations
from ca_core.intentions.explaining import explain
from ca_core.intentions.naming import short
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.telling import told
from ca_core.wire.explanations import ExplanationAnswer


@dataclass(frozen=True, slots=True)
class Result:
    """What was expected, and what was decided."""

    expected: Expectation
    answer: ExplanationAnswer

    @property
    def well(self) -> bool:
        """Say whether it is as expected."""
        return self.answer.decision.allowed is self.expected.allowed


def expectations_of(file: Path) -> tuple[Expectation, ...]:
    """Return what a file expects.

    Raises:
        ConfigError: it cannot be read, says something wrong, or expects nothing at all.
    """
    try:
        found = parsed_expectations(read_text(file))
    except RequestError as error:
        raise ConfigError(str(error), where=str(file), hint=error.hint) from None
    if not found:
        raise ConfigError("expects nothing", where=str(file), hint="begin with [[tests]]")
    return found


def offline(expected: Iterable[Expectation], file: Path, default: str | None) -> Iterator[Result]:
    """Yield what a file of intentions says.

    Raises:
        ConfigError: the file is wrong.
    """
    index = index_of(intention_file(file), default)
    for one in expected:
        yield Result(one, told(explain(index, one.source, one.destination, one.request)))


def asked(expected: Iterable[Expectation], client: Client) -> Iterator[Result]:
    """Yield what the server says. Raises as ``Client``."""
    for one in expected:
        answer = client.post(f"{INTENTIONS}/explain", _body(one))
        yield Result(one, answer.decoded(ExplanationAnswer))


def report(results: Iterable[Result], output: Output) -> bool:
    """Show what is not as expected, with its explanation; return whether all is."""
    found = tuple(results)
    wrong = [one for one in found if not one.well]
    if output is Output.JSON:
        print_json([_told(one) for one in found])
        return not wrong
    print_table(("", "EXPECTED", "BECAUSE"), [_row(one) for one in found], empty="")
    for one in wrong:
        print_lines(f"\nNot as expected: {_words(one.expected)}")
        show(one.answer)
    print_lines(f"\n{len(found) - len(wrong)} of {len(found)} as expected.")
    return not wrong


def _body(one: Expectation) -> dict[str, Any]:
    body: dict[str, Any] = {"Source": short(one.source), "Destination": short(one.destination)}
    return body if one.request is None else body | {"Request": _request(one.request)}


def _request(request: HttpRequest) -> dict[str, Any]:
    lines: dict[str, list[str]] = {}
    for name, value in request.headers:
        lines.setdefault(name, []).append(value)
    return {"Method": request.method, "Path": request.path, "Headers": lines}


def _row(result: Result) -> tuple[str, str, str]:
    mark = "ok" if result.well else "FAILED"
    return (mark, _words(result.expected), result.answer.decision.reason)


def _words(one: Expectation) -> str:
    asked = f" {one.request.method} {one.request.path}" if one.request else ""
    named = f"{one.name}: " if one.name else ""
    verdict = "allow" if one.allowed else "deny"
    return f"{named}{verdict} {short(one.source)} -> {short(one.destination)}{asked}"


def _told(result: Result) -> dict[str, Any]:
    return {
        "Expected": _words(result.expected),
        "Passed": result.well,
        "Explanation": msgspec.to_builtins(result.answer),
    }
