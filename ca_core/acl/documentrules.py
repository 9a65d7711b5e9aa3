"""What the words of a policy document mean: a table of resources, names and levels to rules."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ca_core.acl.hcl import Table
from ca_core.acl.rights import merged
from ca_core.acl.rules import Level, Resource, Rule, Rules
from ca_core.errors import RequestError
from ca_core.fields import nearest_hint

MOST_RULES = 1000
"""Names in one document."""

MOST_NAME = 256
"""Characters of a name; of an identity's parts none is longer."""

MOST_SHOWN = 80
"""Characters of a wrong word that a message repeats."""


class Kind(NamedTuple):
    """What a word at the top of a document is about."""

    resource: Resource
    prefix: bool = False


NAMED: Mapping[str, Kind] = MappingProxyType(
    {
        "service": Kind(Resource.SERVICE),
        "service_prefix": Kind(Resource.SERVICE, prefix=True),
        "node": Kind(Resource.NODE),
        "node_prefix": Kind(Resource.NODE, prefix=True),
        "agent": Kind(Resource.AGENT),
        "agent_prefix": Kind(Resource.AGENT, prefix=True),
    }
)
"""Words that a name follows."""

NAMELESS_WORDS: Mapping[str, Resource] = MappingProxyType(
    {"operator": Resource.OPERATOR, "acl": Resource.ACL}
)
"""Words that a level follows."""

LEVELS: Mapping[str, Level] = MappingProxyType({level.name.lower(): level for level in Level})

ABSENT: Mapping[str, str] = MappingProxyType(
    {
        "key": "key/value store",
        "key_prefix": "key/value store",
        "session": "sessions",
        "session_prefix": "sessions",
        "event": "user events",
        "event_prefix": "user events",
        "query": "prepared queries",
        "query_prefix": "prepared queries",
        "keyring": "gossip keyring",
        "mesh": "mesh gateways or mesh configuration entries",
        "peering": "cluster peering",
        "partition": "admin partitions other than 'default'",
        "partition_prefix": "admin partitions other than 'default'",
        "namespace": "rules by namespace",
        "namespace_prefix": "rules by namespace",
        "identity": "workload identities",
        "identity_prefix": "workload identities",
    }
)
"""Words of Consul for what ca-core does not have, and what that is."""


def rules_in(document: Table) -> Rules:
    """Return what a document says, as ``merged`` sorts it.

    A service rule is two: one on the service, one on its intentions; where ``intentions`` is left
    out, they may be read if the service may be read or written.

    Raises:
        RequestError: an unknown word, one about what ca-core does not have, a name twice, too many.
    """
    rules: dict[tuple[str, str], Rules] = {}
    for word, value in document:
        for name, found in _statements(word, value):
            if (word, name) in rules:
                raise RequestError("given twice; one rule says it all", field=_place(word, name))
            if len(rules) == MOST_RULES:
                raise RequestError(f"more than {MOST_RULES} rules", field="rules")
            rules[word, name] = found
    return merged(rule for found in rules.values() for rule in found)


def _statements(word: str, value: object) -> Iterator[tuple[str, Rules]]:
    """Yield name and rules of everything under one word."""
    if word in NAMELESS_WORDS:
        yield "", (Rule(NAMELESS_WORDS[word], "", _level(value, word)),)
        return
    _require_known(word)
    if not isinstance(value, tuple):
        raise RequestError(f'expected names, as in {word} "web" {{ … }}', field=_shown(word))
    for name, attributes in value:
        _require_name(word, name)
        yield name, _rules(word, name, attributes)


def _require_known(word: str) -> None:
    if word in ABSENT:
        fault = f"ca-core has no {ABSENT[word]}; leave these rules out"
        raise RequestError(fault, field=word)
    if word not in NAMED:
        hint = nearest_hint(word, [*NAMED, *NAMELESS_WORDS])
        raise RequestError(f"unknown kind of rule{hint}", field=_shown(word))


def _require_name(word: str, name: str) -> None:
    if len(name) > MOST_NAME:
        raise RequestError(f"a name longer than {MOST_NAME} characters", field=word)
    if not name.isprintable():
        raise RequestError("a name with characters that cannot be printed", field=word)
    if "${" in name or "%{" in name:
        raise RequestError("a name with a placeholder that nobody filled in", field=word)


def _rules(word: str, name: str, attributes: object) -> Rules:
    place = _place(word, name)
    if not isinstance(attributes, tuple):
        raise RequestError('expected { policy = "read" }', field=place)
    resource, prefix = NAMED[word]
    levels = _levels(attributes, place, resource)
    policy = levels.get("policy")
    if policy is None:
        raise RequestError('policy is missing: "read", "write" or "deny"', field=place)
    rule = Rule(resource, name, policy, prefix)
    if resource is not Resource.SERVICE:
        return (rule,)
    intentions = levels.get("intentions", min(policy, Level.READ))
    return (rule, Rule(Resource.INTENTION, name, intentions, prefix))


def _levels(attributes: Table, place: str, resource: Resource) -> dict[str, Level]:
    levels: dict[str, Level] = {}
    for key, value in attributes:
        _require_attribute(key, place, resource)
        if key in levels:
            raise RequestError(f"{key} is given twice", field=place)
        levels[key] = _level(value, f"{place}.{key}")
    return levels


def _require_attribute(key: str, place: str, resource: Resource) -> None:
    if key == "sentinel":
        raise RequestError("ca-core has no Sentinel; leave this out", field=f"{place}.{key}")
    if key == "intentions" and resource is not Resource.SERVICE:
        raise RequestError("only rules on services have intentions", field=f"{place}.{key}")
    if key not in {"policy", "intentions"}:
        hint = nearest_hint(key, ("policy", "intentions"))
        raise RequestError(f"unknown key {_shown(key)}{hint}", field=place)


def _level(value: object, place: str) -> Level:
    if not isinstance(value, str):
        raise RequestError('expected "read", "write" or "deny"', field=place)
    level = LEVELS.get(value)
    if level is not None:
        return level
    if value == "list":
        raise RequestError("only keys can be listed, which ca-core has none of", field=place)
    raise RequestError(f"unknown level {_shown(value)}{nearest_hint(value, LEVELS)}", field=place)


def _place(word: str, name: str) -> str:
    return word if word in NAMELESS_WORDS else f"{word} {json.dumps(name, ensure_ascii=False)}"


def _shown(word: str) -> str:
    return repr(word[:MOST_SHOWN])
