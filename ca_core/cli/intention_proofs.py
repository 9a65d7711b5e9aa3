"""What ``intention explain`` and ``intention diff`` do; imported when they run."""

from pathlib import Path
from typing import Any

import msgspec

from ca_core.cli.client import Client
from ca_core.cli.intention_actions import INTENTIONS
from ca_core.cli.intention_view import line_of
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.errors import ConfigError, RequestError
from ca_core.intentions.comparing import compared
from ca_core.intentions.decision import Default
from ca_core.intentions.documents import IntentionFile, named_default, parsed_intentions
from ca_core.intentions.index import DENIED, Index
from ca_core.intentions.naming import parsed_name
from ca_core.intentions.proposals import told_differences
from ca_core.intentions.showing import shown_intention
from ca_core.wire.comparisons import DiffAnswer
from ca_core.wire.explanations import CandidateAnswer, DecisionAnswer, ExplanationAnswer

_MATCHES = {True: "matches", False: "no", None: "-"}


def question(
    source: str, destination: str, *, path: str | None, method: str | None, headers: list[str]
) -> dict[str, Any]:
    """Return the body that asks for an explanation; about a request if anything of one is there.

    Raises:
        ConfigError: a header that is none.
    """
    body: dict[str, Any] = {"Source": source, "Destination": destination}
    if path is None and method is None and not headers:
        return body
    lines: dict[str, list[str]] = {}
    for text in headers:
        name, value = _line(text)
        lines.setdefault(name, []).append(value)
    request = {"Method": (method or "GET").upper(), "Path": path or "/", "Headers": lines}
    return body | {"Request": request}


def explain(client: Client, body: dict[str, Any], output: Output) -> None:
    """Ask why, and show it. Raises as ``Client``."""
    answer = client.post(f"{INTENTIONS}/explain", body)
    if output is Output.JSON:
        print_json(answer.json())
        return
    show(answer.decoded(ExplanationAnswer))


def show(answer: ExplanationAnswer) -> None:
    """Show an explanation to people."""
    said = "allowed" if answer.decision.allowed else "denied"
    default = f"{'allow' if answer.default.allowed else 'deny'} ({answer.default.why})"
    facts = [
        (f"{answer.source} -> {answer.destination}", said),
        ("because", answer.decision.reason),
        ("path", answer.path),
        ("cannot be compared", answer.fault),
        ("observed", _would(answer.would)),
        ("default", default),
    ]
    print_facts([(name, value) for name, value in facts if value])
    _show_candidates(answer)
    for one in answer.candidates:
        _show_permissions(one)


def proposal(
    *, wanted: Path | None, upsert: Path | None, delete: tuple[str, str] | None
) -> dict[str, Any]:
    """Return the body that proposes a change.

    Raises:
        ConfigError: nothing is proposed, or a whole and changes of it, or a file is wrong.
    """
    if (wanted is None) is (upsert is None and delete is None):
        raise ConfigError(
            "name a file of all intentions, or --upsert and --delete",
            where="diff",
            hint="`ca-core intention diff --help` shows how",
        )
    if wanted is not None:
        return {"Intentions": _bodies(wanted)}
    gone = [{"Source": delete[0], "Destination": delete[1]}] if delete else []
    return {"Upsert": _bodies(upsert) if upsert else [], "Delete": gone}


def diff(client: Client, body: dict[str, Any], output: Output) -> None:
    """Ask what a change would do, and show it. Raises as ``Client``."""
    answer = client.post(f"{INTENTIONS}/diff", body)
    if output is Output.JSON:
        print_json(answer.json())
        return
    show_differences(answer.decoded(DiffAnswer))


def dry_run(client: Client, pair: tuple[str, str], body: dict[str, Any], output: Output) -> None:
    """Show what writing an intention would newly allow and deny. Raises as ``Client``.

    Raises:
        ConfigError: a name is none.
    """
    try:
        source, destination = (parsed_name(text) for text in pair)
    except RequestError as error:
        raise ConfigError(str(error), where="SRC DST", hint=error.hint) from None
    sides = {
        "SourceNS": source.namespace,
        "SourceName": source.name,
        "DestinationNS": destination.namespace,
        "DestinationName": destination.name,
    }
    diff(client, {"Upsert": [sides | body]}, output)


def diff_files(old: Path, new: Path, default: str | None, output: Output) -> None:
    """Compare two files, and show what differs.

    Raises:
        ConfigError: a file is wrong.
    """
    before, after = (index_of(intention_file(file), default) for file in (old, new))
    answer = told_differences(compared(before, after))
    if output is Output.JSON:
        print_json(msgspec.to_builtins(answer))
        return
    show_differences(answer)


def show_differences(answer: DiffAnswer) -> None:
    """Show differences to people: a line each, then what is said of requests."""
    for one in answer.differences:
        print_lines(one.text)
        for sign, lines in (("+", one.gained), ("-", one.lost)):
            for line in lines:
                print_lines(f"  {sign} {line}")
    if not answer.differences:
        print_lines("Everything is decided as before.")


def intention_file(file: Path) -> IntentionFile:
    """Return what a file of intentions says.

    Raises:
        ConfigError: it cannot be read, or a rule is broken.
    """
    try:
        return parsed_intentions(read_text(file))
    except RequestError as error:
        raise ConfigError(str(error), where=str(file), hint=error.hint) from None


def index_of(file: IntentionFile, default: str | None) -> Index:
    """Return the index of a file; ``default`` goes before the file's, and both are deny if unsaid.

    Raises:
        ConfigError: the default is neither allow nor deny.
    """
    return Index.of(file.intentions, _default(default) or file.default or DENIED)


def require_no_default(default: str | None) -> None:
    """Refuse a default where a server is asked, which has its own.

    Raises:
        ConfigError: there is one.
    """
    if default is not None:
        raise ConfigError("a server is asked, which has its own", where="--default")


def read_text(file: Path) -> str:
    """Return a file's text.

    Raises:
        ConfigError: it cannot be read, or is no UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError((error.strerror or "cannot be read").lower(), where=str(file)) from None
    except UnicodeDecodeError:
        raise ConfigError("is no UTF-8", where=str(file)) from None


def _default(word: str | None) -> Default | None:
    try:
        return None if word is None else named_default(word)
    except RequestError as error:
        raise ConfigError(str(error), where="--default") from None


def _bodies(file: Path) -> list[Any]:
    found = intention_file(file).intentions
    return [msgspec.to_builtins(shown_intention(one)) for one in found]


def _line(text: str) -> tuple[str, str]:
    at = min((text.find(sign) for sign in ":=" if sign in text), default=0)
    if at < 1:
        raise ConfigError(f"{text!r} is not NAME=VALUE", where="--header")
    return text[:at], text[at + 1 :].strip()


def _would(would: DecisionAnswer | None) -> str:
    if would is None:
        return ""
    return f"would be {'allowed' if would.allowed else 'denied'}: {would.reason}"


def _show_candidates(answer: ExplanationAnswer) -> None:
    rows = [
        (str(one.intention.precedence), line_of(one.intention), one.standing, one.because)
        for one in answer.candidates
    ]
    if answer.left_out:
        rows.append(("", f"and {answer.left_out} about other sources", "", ""))
    print_lines("")
    columns = ("PRECEDENCE", "INTENTION", "STANDING", "BECAUSE")
    print_table(columns, rows, empty="No intention speaks of the destination: the default counts.")


def _show_permissions(candidate: CandidateAnswer) -> None:
    if not candidate.permissions:
        return
    rows = [
        (str(at), one.words, _MATCHES[one.matches], one.because)
        for at, one in enumerate(candidate.permissions)
    ]
    print_lines(f"\nPermissions of {line_of(candidate.intention)}")
    print_table(("", "PERMISSION", "MATCHES", "BECAUSE"), rows, empty="")
