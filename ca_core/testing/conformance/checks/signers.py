"""What a signer must be: below its authority, as asked, the same for ever, with its own name."""

from datetime import timedelta

from ca_core.authority.signerrules import unreadable_signer
from ca_core.contract import AgentId, NotReadyError, RequestError, SignerUnknownError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import scene
from ca_core.testing.conformance.verdict import refusal, refuse, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_LIVES = (timedelta(days=30), timedelta(days=365))
_LONGEST = 32
_NODE = AgentId(trust_domain=TRUST_DOMAIN, datacenter="dc1", node="node-1")


def _each_of_two_holds(arena: Arena, rule: str) -> None:
    """Hold the first signer of an authority and its second against ``rule``."""
    here = scene(arena)
    hold(here.signer_facts(), rule)
    hold(here.signer_facts(here.mesh.prepare()), rule)


@CHECKS.check(
    "signer.not-ready",
    Level.L1,
    why="A signer without an authority above it is a second root that nobody trusts.",
    sources=("S13", "ca_core.contract Provider.prepare_signer"),
    fix="Raise NotReadyError while the authority does not exist.",
)
def signer_not_ready(arena: Arena) -> None:
    """`prepare_signer` raises NotReadyError before the authority exists."""
    with refusal(NotReadyError, of="prepare_signer() before the authority exists"):
        arena.unmade().prepare()


@CHECKS.check(
    "signer.type",
    Level.L1,
    why="Intermediates went missing between text, lists and single certificates.",
    sources=("S10", "Consul GH-11671"),
    fix="Return `Signer` with a tuple of `x509.Certificate`, the signer first.",
)
def signer_type(arena: Arena) -> None:
    """A signer is a `Signer` that holds a tuple of certificates."""
    mesh = arena.unmade()
    mesh.ensure()
    for signer in (mesh.prepare(), mesh.prepare(mesh.signer)):
        refuse(unreadable_signer(signer))


@CHECKS.check(
    "signer.id",
    Level.L1,
    why="Leaves are asked under the id that the core chose; another one in the answer is a signer"
    " that cannot be called.",
    sources=("S10", "Consul GH-7012"),
    fix="Return `request.id` as it is; keep the backend's own name in `context.state`.",
)
def signer_id(arena: Arena) -> None:
    """A signer comes back under the id that was asked for, of up to 32 characters."""
    mesh = arena.unmade()
    mesh.ensure()
    for wanted in (arena.tempo.new_id("s"), arena.tempo.new_id("s").ljust(_LONGEST, "x")):
        found = mesh.prepare(wanted).id
        require(found == wanted, f"its id is {found!r}, asked was {wanted!r}")


@CHECKS.check(
    "signer.path",
    Level.L1,
    why="A leaf is as good as the chain above it; a signer that does not verify takes all of its"
    " leaves with it.",
    sources=("RFC 5280 §6.1", "S02", "S10"),
    fix="Sign it by the primary CA's key: CA:TRUE, keyCertSign, a subject, a subject key"
    " identifier, valid now.",
)
def signer_path(arena: Arena) -> None:
    """From a signer up to the primary CA, each certificate was issued by the next, and lives."""
    _each_of_two_holds(arena, "signer.3")


@CHECKS.check(
    "signer.anchor",
    Level.L1,
    why="After a change of the root's path, leaves were still signed below the old root.",
    sources=("S02", "Consul GH-18112"),
    fix="Return the signer's chain up to and with the authority's own primary CA.",
)
def signer_anchor(arena: Arena) -> None:
    """A signer's chain ends at the anchor of its authority."""
    _each_of_two_holds(arena, "signer.4")


@CHECKS.check(
    "signer.within-authority",
    Level.L1,
    why="Below an authority that ends first, everything dies before its own end.",
    sources=("S31", "cert-manager GH-1038", "RFC 5280 §6.1.3"),
    fix="Clamp the signer's NotAfter to every certificate above it.",
)
def signer_within_authority(arena: Arena) -> None:
    """A signer ends with its authority at the latest, whatever was asked."""
    here = scene(arena)
    ends = here.authority.primary.not_valid_after_utc
    asked = ends - here.mesh.cluster.tempo.clock.now() + timedelta(days=100)
    hold(here.signer_facts(here.mesh.prepare(ttl=asked)), "signer.5")


@CHECKS.check(
    "signer.life",
    Level.L1,
    why="Signers lived as long as the backend's mount said; the life configured had no effect.",
    sources=("S03", "Consul GH-14516", "S33"),
    fix="Give the life asked for to the backend, and see that its maximum is not below it.",
)
def signer_life(arena: Arena) -> None:
    """A signer lives at most as long as was asked, and at least half of it."""
    here = scene(arena)
    for ttl in _LIVES:
        facts = here.signer_facts(here.mesh.prepare(ttl=ttl), ttl=ttl)
        hold(facts, "signer.6")
        left = facts.signer.certificate.not_valid_after_utc - facts.now
        require(left > ttl / 2, f"asked were {ttl}, it lives {left}")


@CHECKS.check(
    "signer.key",
    Level.L1,
    why="A new key type in the configuration did not reach the signer.",
    sources=("S03", "S16", "Consul GH-16592"),
    fix="Make the signer's key of `request.key`, whatever key the primary CA has.",
)
def signer_key(arena: Arena) -> None:
    """A signer has the kind of key that was asked for, also where the primary CA has another."""
    here = scene(arena)
    for key in arena.keys:
        hold(here.signer_facts(here.mesh.prepare(key=key), key=key), "signer.7")


@CHECKS.check(
    "signer.path-length",
    Level.L1,
    why="A stolen signer that may sign CAs is a root; path length 0 makes it an end.",
    sources=("RFC 5280 §4.2.1.9", "SPIFFE X509-SVID §3"),
    fix="Set path length 0 on the signer.",
)
def signer_path_length(arena: Arena) -> None:
    """A signer below the primary CA has path length 0."""
    hold(scene(arena).signer_facts(), "signer.9")


@CHECKS.check(
    "signer.trust-domain",
    Level.L1,
    why="An intermediate without the trust domain's URI was refused by one verifier, one with"
    " another's by the next.",
    sources=("S19", "Consul GH-6491", "SPIRE GH-3997", "SPIFFE X509-SVID §3"),
    fix="Put `spiffe://<trust domain>` into the signer as its one URI.",
)
def signer_trust_domain(arena: Arena) -> None:
    """A signer below the primary CA has exactly our trust domain as URI."""
    hold(scene(arena).signer_facts(), "signer.10")


@CHECKS.check(
    "signer.profile",
    Level.L1,
    why="Backends add policies, constraints and addresses of their own to intermediates, which"
    " bind every leaf below.",
    sources=("RFC 5280 §4.2.1.10", "SPIFFE X509-SVID §3"),
    fix="Switch off what the backend adds.",
)
def signer_profile(arena: Arena) -> None:
    """A signer below the primary CA has no extension outside the profile."""
    hold(scene(arena).signer_facts(), "signer.11")


@CHECKS.check(
    "signer.own-name",
    Level.L1,
    why="Verifiers search issuers by name; two of one name with two keys make them stumble, and"
    " key ids computed from names collide.",
    sources=("RFC 5280 §4.1.2.4", "S10"),
    fix="Put the signer's id into its subject, and make a key of its own for it.",
)
def signer_own_name(arena: Arena) -> None:
    """Two signers of one authority have different subjects and different keys."""
    here = scene(arena)
    first, second = here.signer.certificate, here.mesh.prepare().certificate
    if second == here.authority.primary:
        return  # the primary CA signs leaves itself
    require(first.subject != second.subject, "both have the same subject")
    require(first.public_key() != second.public_key(), "both have the same key")


@CHECKS.check(
    "signer.other-key",
    Level.L1,
    why="A changed key type was accepted and did nothing.",
    sources=("S18", "Consul GH-10330"),
    fix="Record the key with the id; raise RequestError when another is asked for.",
)
def signer_other_key(arena: Arena) -> None:
    """Another key for a known signer is refused, unless the primary CA itself signs leaves."""
    here = scene(arena)
    if here.signer.certificate == here.authority.primary:
        return
    for key in arena.keys[1:2]:
        with refusal(RequestError, of=f"{key} for a signer that has {arena.keys[0]}"):
            here.mesh.prepare(here.signer.id, key=key)


@CHECKS.check(
    "signer.again",
    Level.L1,
    why="A new intermediate at each start or hour left piles of them, until leaves failed.",
    sources=("S01", "S05", "Consul GH-15217", "Consul GH-14429"),
    fix="Look up the id first; `ttl` counts only for what does not exist yet.",
)
def signer_again(arena: Arena) -> None:
    """The same id gives the same signer, also when another life is asked for."""
    here = scene(arena)
    again = here.mesh.prepare(here.signer.id, ttl=timedelta(days=40))
    require(again.certificate == here.signer.certificate, "another certificate came back")


@CHECKS.check(
    "signer.named",
    Level.L1,
    why="The new intermediate was imported, but another one stayed the backend's default and went"
    " on signing.",
    sources=("S01", "S10", "Consul GH-15217", "Consul GH-11672"),
    fix="Name the signer in the call to the backend; rely on no default and on no role of yours.",
)
def signer_named(arena: Arena) -> None:
    """Of two signers the one that is named signs, whoever the leaf is for."""
    here = scene(arena)
    second = here.mesh.prepare()
    for signer in (second, here.signer, second):
        for identity in (None, _NODE):
            request = here.mesh.ask.leaf(signer.id, identity=identity)
            hold(here.leaf(request, signer=signer), "leaf.2", "leaf.3")


@CHECKS.check(
    "signer.unknown",
    Level.L1,
    why="A signer that is gone was replaced in silence by whatever the backend had.",
    sources=("S01", "ca_core.contract Provider.sign_leaf"),
    fix="Raise SignerUnknownError for an id that this authority has no signer of.",
)
def signer_unknown(arena: Arena) -> None:
    """A leaf under a signer that does not exist is refused with SignerUnknownError."""
    here = scene(arena)
    here.mesh.leaf()
    missing = arena.tempo.new_id("s")
    with refusal(SignerUnknownError, of="sign_leaf() under an unknown signer"):
        here.mesh.leaf(here.mesh.ask.leaf(missing))


@CHECKS.check(
    "signer.apart",
    Level.L1,
    why="Preparing an intermediate moved the mount's default, and leaves changed issuer before"
    " anybody trusted it.",
    sources=("S01", "S17", "Consul GH-15217"),
    fix="Make the new signer beside the old one; touch no role and no setting they share.",
)
def signer_apart(arena: Arena) -> None:
    """Preparing another signer changes neither the authority's chain nor the first signer."""
    here = scene(arena)
    here.mesh.prepare()
    now = here.mesh.provider.trust_chain()
    require(now.primary == here.authority.primary, "the authority's chain changed")
    again = here.mesh.prepare(here.signer.id)
    require(again.certificate == here.signer.certificate, "the first signer changed")
