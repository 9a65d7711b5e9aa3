"""The tables of ``docs/authorization.md``: precedence, reasons, settings, words of policies."""

from ca_core.acl.documentrules import NAMED, NAMELESS_WORDS
from ca_core.intentions.decision import Why
from ca_core.intentions.model import ANY, WILDCARD, Name, precedence
from docs.contract import member_docs
from docs.operations import keys_below
from docs.tables import table

_EXACT, _SPACE = Name("default", "web"), Name("default", WILDCARD)
_DESTINATIONS = (Name("default", "db"), _SPACE, ANY)

_RIGHTS = {
    "service": "`write`: be the service, have its leaf and key, ask authorize for it; `read`: see"
    " it. Beside `policy` it takes `intentions`: who may connect to it; by default `read` for"
    " whoever may read or write the service",
    "node": "`write`: be the agent on the node",
    "agent": "`read`: metrics and `/v1/agent/self`",
    "operator": "`read`: configuration, agents; `write`: change who signs, make join tokens",
    "acl": "`read`: see tokens and policies; `write`: give every right to oneself",
}


def precedences() -> str:
    """Return a table of what an intention's names make its precedence."""
    rows = (
        (str(precedence(source, destination)), f"`{source}`", f"`{destination}`")
        for destination in _DESTINATIONS
        for source in (_EXACT, _SPACE, ANY)
    )
    return table(("precedence", "source, like", "destination, like"), rows)


def reasons() -> str:
    """Return a table of what decides, as metrics and logs call it."""
    meanings = member_docs(Why)
    return table(("`why`", "what decided"), ((f"`{one.value}`", meanings[one.name]) for one in Why))


def policy_words() -> str:
    """Return a table of the words of a policy document."""
    rows = (
        (", ".join(f"`{word}`" for word in _words(resource)), meaning)
        for resource, meaning in _RIGHTS.items()
    )
    return table(("word", "gives"), rows)


def authorize_settings() -> str:
    """Return a table of the keys that tokens and decisions have."""
    rows = (row for section in ("acl", "authorize") for row in keys_below(section))
    return table(("key", "default", "meaning"), rows)


def _words(resource: str) -> list[str]:
    known = [*NAMED, *NAMELESS_WORDS]
    return [word for word in known if word.removesuffix("_prefix") == resource]
