"""The table of ``docs/guard.md``: every numbered rule, as it stands beside its code."""

import re
from inspect import getdoc

from ca_core.authority import authorityrules, carules, documentrules, leafrules, signerrules
from docs.tables import as_line, table

_RULE = re.compile(r"^- (?P<id>[a-z]+\.[0-9]+) +(?P<text>.+)$", re.MULTILINE)


def rules() -> str:
    """Return a table of every rule, in the order in which answers are asked."""
    modules = (authorityrules, signerrules, leafrules, carules, documentrules)
    found = (match for module in modules for match in _RULE.finditer(getdoc(module) or ""))
    return table(
        ("rule", "must hold"), ((f"`{rule['id']}`", as_line(rule["text"])) for rule in found)
    )
