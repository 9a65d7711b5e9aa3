"""Rules shown as a document: one canonical text, which parses to the same rules."""

import json
from collections.abc import Mapping

from ca_core.acl.documentrules import NAMED, NAMELESS_WORDS, Kind
from ca_core.acl.documents import Notation
from ca_core.acl.rights import merged
from ca_core.acl.rules import Level, Resource, Rules
from ca_core.errors import RequestError

Levels = Mapping[tuple[Resource, str, bool], Level]
"""Resource, name, whether it is a prefix → level."""

Named = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Word (``service_prefix``) → name → ``policy`` and ``intentions`` → level, as words."""


def document_of(rules: Rules, notation: Notation = Notation.TOML) -> str:
    """Return the document of some rules, merged and sorted; no level is left to be understood.

    ``parse_document`` of it gives ``merged(rules)``, if a document may hold such names.

    Raises:
        RequestError: rules on a service without rules on its intentions, or the reverse; no
            document says that.
    """
    levels = {(rule.resource, rule.name, rule.prefix): rule.level for rule in merged(rules)}
    _require_pairs(levels)
    single = {
        word: _word(levels[resource, "", False])
        for word, resource in NAMELESS_WORDS.items()
        if (resource, "", False) in levels
    }
    named = {word: _names(levels, kind) for word, kind in NAMED.items()}
    match notation:
        case Notation.JSON:
            return json.dumps({**single, **{k: v for k, v in named.items() if v}}, indent=2) + "\n"
        case Notation.TOML:
            return _toml(single, named)
        case Notation.HCL:
            return _hcl(single, named)


def _require_pairs(levels: Levels) -> None:
    of = {
        resource: {(name, prefix) for kind, name, prefix in levels if kind is resource}
        for resource in (Resource.SERVICE, Resource.INTENTION)
    }
    for name, _ in of[Resource.SERVICE] ^ of[Resource.INTENTION]:
        fault = f"rules on {name!r} speak of the service or of its intentions alone"
        raise RequestError(fault, field="rules")


def _names(levels: Levels, kind: Kind) -> dict[str, dict[str, str]]:
    named: dict[str, dict[str, str]] = {}
    for (resource, name, prefix), level in levels.items():
        if (resource, prefix) == kind:
            named[name] = {"policy": _word(level)}
            if resource is Resource.SERVICE:
                intentions = levels[Resource.INTENTION, name, prefix]
                named[name]["intentions"] = _word(intentions)
    return named


def _toml(single: Mapping[str, str], named: Named) -> str:
    parts = [_assigned(single)] if single else []
    for word, names in named.items():
        parts += [f"[{word}.{_quoted(name)}]\n{_assigned(told)}" for name, told in names.items()]
    return "\n".join(parts)


def _hcl(single: Mapping[str, str], named: Named) -> str:
    parts = [_assigned(single)] if single else []
    for word, names in named.items():
        for name, told in names.items():
            parts.append(f"{word} {_quoted(name)} {{\n{_assigned(told, indent='  ')}}}\n")
    return "\n".join(parts)


def _assigned(values: Mapping[str, str], *, indent: str = "") -> str:
    return "".join(f'{indent}{key} = "{value}"\n' for key, value in values.items())


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _word(level: Level) -> str:
    return level.name.lower()
