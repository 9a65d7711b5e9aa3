"""The reference of the conformance checks: every rule, why it is there, what to do about it."""

import re
from collections.abc import Iterator
from itertools import groupby

from ca_core.contract import Role
from ca_core.testing.conformance import CHECKS, Check, Level, Outcome
from ca_core.testing.conformance.words import LEVEL_MEANINGS
from docs.tables import as_line, table

INCIDENT_PAGE = "docs/conformance/incidents.md"
"""As seen from ``plugins.md``, where the checks stand."""

_INCIDENT = re.compile(r"S\d\d\Z")

OUTCOMES = {
    Outcome.PASSED: "the rule held",
    Outcome.FAILED: "it did not, or the check could not be ended",
    Outcome.SKIPPED: (
        "it does not concern this provider, mostly since a capability is not declared; never "
        "counted as passed"
    ),
    Outcome.NOT_RUN: "it needs something that was not supplied, and says what",
    Outcome.KNOWN_DEVIATION: (
        "it failed, and the author had listed it with a reason; if it passes after all, it has "
        "failed, so that the list stays true"
    ),
}
"""What became of a check, in words for a table."""


def levels() -> str:
    """Return a table of the levels with the number of checks that each adds."""
    counts = {level: sum(check.level is level for check in CHECKS) for level in Level}
    return table(
        ("level", "asks that it", "checks"),
        ((f"`{level.name}`", LEVEL_MEANINGS[level], str(counts[level])) for level in Level),
    )


def outcomes() -> str:
    """Return a table of the five outcomes."""
    return table(("outcome", "means"), ((one.value, as_line(OUTCOMES[one])) for one in Outcome))


def checks() -> str:
    """Return every check, area by area, in the order in which they stand in the catalogue."""
    areas = groupby(CHECKS, key=area_of)
    return "\n".join(_area(area, tuple(members)) for area, members in areas)


def area_of(check: Check) -> str:
    """Return the first part of a check's id."""
    return check.id.partition(".")[0]


def anchor(check: Check) -> str:
    """Return the fragment by which a page links to this check."""
    return f"check-{check.id.replace('.', '-')}"


def _area(area: str, members: tuple[Check, ...]) -> str:
    return f"### Checks: {area}\n\n" + "\n".join(_entry(check) for check in members)


def _entry(check: Check) -> str:
    title = f'<a id="{anchor(check)}"></a>**`{check.id}`** · {check.level.name}'
    parts = [f"{title} · {_plain(check.rule)}", *_remarks(check)]
    return "  \n".join(parts) + "\n"


def _remarks(check: Check) -> Iterator[str]:
    yield f"*Why:* {_plain(check.why)} ({', '.join(map(_source, check.sources))})"
    yield f"*If it fails:* {_plain(check.fix)}"
    asked = _asked(check)
    if asked:
        yield f"*Runs only:* {'; '.join(asked)}."


def _source(text: str) -> str:
    """Return a source; an id of the incident list leads to that list."""
    return f"[{text}]({INCIDENT_PAGE})" if _INCIDENT.match(text) else _plain(text)


def _asked(check: Check) -> list[str]:
    found = []
    if check.capabilities:
        found.append(f"with {_codes(capability.name for capability in check.capabilities)}")
    if check.role is Role.SECONDARY:
        found.append("as a secondary")
    if check.needs:
        found.append(f"if {_codes(need.value for need in check.needs)} is supplied")
    return found


def _codes(names: Iterator[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _plain(text: str) -> str:
    """Return prose on one line that Markdown does not take for markup."""
    parts = as_line(text).split("`")
    parts[::2] = [prose.replace("<", "&lt;").replace("*", "\\*") for prose in parts[::2]]
    return "`".join(parts)
