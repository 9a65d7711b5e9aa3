"""Describing itself: what is declared is true, and operators can read it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509

from ca_core.contract import Capability, CapabilityUnsupportedError, KeySpec, Role, ca_csr
from ca_core.contract import generate_key as new_key
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_LONGEST_LINE = 200


@CHECKS.check(
    "describe.text",
    Level.L0,
    why="`provider list` is where an operator chooses; an empty line chooses for nobody.",
    sources=("ca_core.contract ProviderPlugin",),
    fix="Set `ProviderPlugin.description` to one sentence.",
)
def describe_text(arena: Arena) -> None:
    """The descriptor describes the provider in one line."""
    text = arena.plugin.description
    require(text.strip(), "the description is empty")
    require("\n" not in text and len(text) <= _LONGEST_LINE, "the description is no single line")


def _properties(arena: Arena) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (arena.plugin.schema or {}).get("properties", {})
    return found


@CHECKS.check(
    "describe.schema",
    Level.L0,
    why="Forms, documents and completion are made from the schema; a setting that is missing there"
    " is not found by anybody.",
    sources=("JSON Schema 2020-12 §10.3.2", "ca_core.contract ProviderPlugin"),
    fix="Return `contract.json_schema(YourConfig)`, or a JSON object schema that lists every key.",
)
def describe_schema(arena: Arena) -> None:
    """A schema, if there is one, is JSON, describes an object, and has every key in use."""
    schema = arena.plugin.schema
    if schema is None:
        return
    try:
        json.dumps(schema)
    except (TypeError, ValueError) as error:
        require(False, f"the schema is no JSON ({type(error).__name__})")  # noqa: FBT003 - it failed
    require(schema.get("type") == "object", f"the schema's type is {schema.get('type')!r}")
    missing = sorted(set(arena.subject.make_config(None)) - set(_properties(arena)))
    require(not missing, f"the schema lacks {', '.join(missing)}")


@CHECKS.check(
    "describe.settings",
    Level.L0,
    why="Operators guess what a bare name means, and guess once.",
    sources=("JSON Schema 2020-12 §9.1", "ca_core.contract ProviderPlugin"),
    fix="Describe each field: `Annotated[str, msgspec.Meta(description=…)]`.",
)
def describe_settings(arena: Arena) -> None:
    """Every setting in the schema has a description."""
    bare = [key for key, node in _properties(arena).items() if not node.get("description")]
    require(not bare, f"no description: {', '.join(bare)}")


@CHECKS.check(
    "describe.consul-names",
    Level.L0,
    why="Consul's API shows these spellings; one for a key that does not exist, or for two, cannot"
    " be translated back.",
    sources=("ca_core.contract ProviderPlugin",),
    fix="Map each of your keys at most once, each to another spelling.",
)
def describe_consul_names(arena: Arena) -> None:
    """Consul's spellings belong to keys that exist, each to one."""
    names = arena.plugin.consul_names
    unknown = sorted(set(names) - set(_properties(arena))) if arena.plugin.schema else []
    require(not unknown, f"no such key: {', '.join(unknown)}")
    require(len(set(names.values())) == len(names), "one spelling stands for two keys")


@CHECKS.check(
    "describe.capabilities",
    Level.L0,
    why="Abilities found out by trying ended in AttributeError in the middle of a rotation.",
    sources=("step-ca GH-1021", "Certbot GH-9664"),
    fix="Set `capabilities` to a frozenset of `Capability` on the instance.",
)
def describe_capabilities(arena: Arena) -> None:
    """`capabilities` is a frozenset of `Capability`."""
    found: object = arena.unmade().provider.capabilities
    kind = type(found).__name__
    require(isinstance(found, frozenset), f"capabilities is a {kind}, not a frozenset")
    if isinstance(found, frozenset):
        strange = [item for item in found if not isinstance(item, Capability)]
        require(not strange, f"no capability: {strange!r}")


@CHECKS.check(
    "describe.covered",
    Level.L0,
    why="A provider is chosen by what its descriptor promises, and planned with what its instance"
    " declares.",
    sources=("ca_core.contract ProviderPlugin",),
    fix="List in the descriptor whatever any configuration of it can do.",
)
def describe_covered(arena: Arena) -> None:
    """The instance declares nothing that the descriptor does not list."""
    found = frozenset(arena.unmade().provider.capabilities) - arena.plugin.capabilities
    require(not found, f"not in the descriptor: {', '.join(sorted(found))}")


@CHECKS.check(
    "describe.steady",
    Level.L0,
    why="A plan is made from what is declared; what appears afterwards was never planned with.",
    sources=("S14", "ca_core.contract Provider"),
    fix="Decide abilities from the configuration; once a CA is seen they may narrow, never grow.",
)
def describe_steady(arena: Arena) -> None:
    """Two objects declare the same, and none declares more once its authority exists."""
    mesh = arena.unmade()
    first = frozenset(mesh.provider.capabilities)
    require(
        frozenset(arena.unmade().provider.capabilities) == first, "two objects declare differently"
    )
    mesh.ensure()
    grown = frozenset(mesh.provider.capabilities) - first
    require(not grown, f"declared only later: {', '.join(sorted(grown))}")


@CHECKS.check(
    "describe.concurrency",
    Level.L0,
    why="The core makes so many threads; none signs nothing, and a fraction cannot be made.",
    sources=("ca_core.contract Provider",),
    fix="Set `concurrency` to 1 or more.",
)
def describe_concurrency(arena: Arena) -> None:
    """`concurrency` is a whole number of at least 1."""
    found: object = arena.unmade().provider.concurrency
    right = isinstance(found, int) and not isinstance(found, bool) and found >= 1
    require(right, f"concurrency is {found!r}")


@CHECKS.check(
    "describe.undeclared",
    Level.L0,
    why="What is not declared and works by chance is relied on, and what fails in a foreign way"
    " stops a rotation half done.",
    sources=("step-ca GH-1021", "Certbot GH-9664"),
    fix="Leave the method as the base class has it, or raise CapabilityUnsupportedError first.",
)
def describe_undeclared(arena: Arena) -> None:
    """Every method of an undeclared capability raises CapabilityUnsupportedError."""
    mesh = arena.unmade()
    _refuses_undeclared(mesh)
    mesh.ensure()
    _refuses_undeclared(mesh)
    if Capability.SECONDARY in arena.plugin.capabilities:
        _refuses_undeclared(arena.unmade(role=Role.SECONDARY))


def _refuses_undeclared(mesh: Mesh) -> None:
    declared = mesh.provider.capabilities
    for capability, calls in _calls(mesh).items():
        if capability in declared:
            continue
        for name, call in calls.items():
            with refusal(CapabilityUnsupportedError, of=f"{name}() without {capability}"):
                call()


def _calls(mesh: Mesh) -> Mapping[Capability, Mapping[str, Callable[[], object]]]:
    """Return every method that needs a capability, called with something plausible."""
    provider, ask, signer = mesh.provider, mesh.ask, "s-1"
    root = mesh.cluster.tempo.corporate.root
    csr = _some_csr()
    return {
        Capability.EXTERNAL_ISSUER: {
            "install_authority": lambda: provider.install_authority(ask.install((root,)))
        },
        Capability.SECONDARY: {
            "intermediate_csr": lambda: provider.intermediate_csr(ask.signer(signer)),
            "install_intermediate": lambda: provider.install_intermediate(
                ask.install((root,), signer=signer)
            ),
        },
        Capability.SIGN_INTERMEDIATE: {
            "sign_intermediate": lambda: provider.sign_intermediate(ask.intermediate(csr))
        },
        Capability.CROSS_SIGN: {"cross_sign": lambda: provider.cross_sign(ask.cross(root))},
        Capability.CROSS_SIGN_CSR: {
            "cross_sign_csr": lambda: provider.cross_sign_csr(ask.cross_csr())
        },
        Capability.REVOKE: {
            "revoke": lambda: provider.revoke(ask.revoke(root, signer)),
            "crl": lambda: provider.crl(ask.crl(signer)),
        },
    }


def _some_csr() -> x509.CertificateSigningRequest:
    return ca_csr(new_key(KeySpec()), trust_domain=TRUST_DOMAIN, label="secondary")
