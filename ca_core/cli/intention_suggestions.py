"""What ``intention suggest`` does; imported when it runs."""

import json
from shlex import quote

from ca_core.cli.client import Client
from ca_core.cli.intention_actions import INTENTIONS
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, print_lines
from ca_core.intentions.suggesting import Suggestion, suggested
from ca_core.wire.observations import ObservedAnswer


def suggest(client: Client, at_least: int, output: Output, *, toml: bool) -> None:
    """Show what would allow what was seen. Raises as ``Client``."""
    answer = client.get(f"{INTENTIONS}/observed").decoded(ObservedAnswer)
    found = suggested(answer.observed, at_least)
    if output is Output.JSON:
        print_json([_body(one) for one in found if not one.own])
        return
    for one in found:
        print_lines("\n".join(_toml(one) if toml else _command(one)))
    if not found:
        print_lines("# Nothing that was seen would be denied by an observed intention.")
    if answer.unlisted:
        print_lines(f"# What is not listed was seen {answer.unlisted} times at most.")


def _body(one: Suggestion) -> dict[str, str]:
    return {
        "SourceName": one.source.rpartition("/")[2],
        "SourceNS": one.source.rpartition("/")[0] or "default",
        "DestinationName": one.destination.rpartition("/")[2],
        "DestinationNS": one.destination.rpartition("/")[0] or "default",
        "Action": "allow",
        "Description": _description(one),
    }


def _command(one: Suggestion) -> list[str]:
    pair = f"{quote(one.source)} {quote(one.destination)}"
    if one.own:
        return [_note(one), _undecided(one)]
    return [
        _note(one),
        f"ca-core intention create {pair} --description {quote(_description(one))}",
    ]


def _toml(one: Suggestion) -> list[str]:
    if one.own:
        return [_note(one), _undecided(one)]
    fields = {
        "source": one.source,
        "destination": one.destination,
        "action": "allow",
        "description": _description(one),
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return [_note(one), "[[intentions]]", *lines, ""]


def _note(one: Suggestion) -> str:
    return f"# {one.source} -> {one.destination}: {one.why}, last {one.last:%Y-%m-%dT%H:%M:%SZ}"


def _undecided(one: Suggestion) -> str:
    pair = f"{quote(one.source)} {quote(one.destination)}"
    return f"# somebody said so about this very pair: ca-core intention get {pair}"


def _description(one: Suggestion) -> str:
    return f"seen {one.seen} times in observe mode"
