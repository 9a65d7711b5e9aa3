"""Hostile names and curious logs: what is no id reaches nothing, and no secret is told."""

from collections.abc import Callable

from ca_core.contract import RequestError, SignerUnknownError, is_signed_by
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed, each_moment
from ca_core.testing.conformance.listening import listening, shows, told_by
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.trying import attempt
from ca_core.testing.conformance.verdict import raised_by, refusal, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Moment
from ca_core.testing.lending import MemorySecrets

CHECKS = Catalogue()

_FORGED = "s\nlevel=info forged\x1b[2J"
_CHECK_IDS = "Refuse what `signer_name` refuses, before you build a name or a path from it."


@CHECKS.check(
    "hostile.signer",
    Level.L3,
    why="A name that is cleaned before it is looked up lets one caller reach another's signer.",
    sources=("S17", "CWE-22", "CWE-178"),
    fix=_CHECK_IDS,
)
def hostile_signer(arena: Arena) -> None:
    """A name that only resembles a signer's id signs nothing."""
    mesh = arena.mesh()
    for name in _resembling(mesh):
        with refusal(SignerUnknownError, RequestError, of=f"signing under {name[:40]!r}"):
            mesh.leaf(mesh.ask.leaf(name))


@CHECKS.check(
    "hostile.prepare",
    Level.L3,
    why="An id with a slash or two dots in it writes where something else is kept.",
    sources=("S17", "CWE-22"),
    fix=_CHECK_IDS,
)
def hostile_prepare(arena: Arena) -> None:
    """No signer is prepared under what is not an id."""
    mesh = arena.mesh()
    for name in ("../x", "a/b", "a\x00b", "A B", "x" * 300, _FORGED):
        with refusal(RequestError, of=f"preparing {name[:40]!r}"):
            mesh.another().prepare(name)


@CHECKS.check(
    "hostile.retire",
    Level.L3,
    why="A clean-up that matched more than its own name deleted a CA that was in use.",
    sources=("S17", "Consul GH-9498", "CWE-22"),
    fix=_CHECK_IDS,
)
def hostile_retire(arena: Arena) -> None:
    """Retiring what is not a signer's id removes nothing."""
    mesh = arena.mesh()
    signer = mesh.prepare(mesh.signer)
    for name in ("", "*", ".", "..", "%", *_resembling(mesh)):
        attempt(lambda name=name: mesh.retire_signer(name), f"retiring {name[:40]!r}")  # type: ignore[misc] # bound now
    leaf = attempt(mesh.another().leaf, "sign_leaf()")
    right = leaf.answer is not None and is_signed_by(leaf.answer, signer.certificate)
    require(right, f"a leaf under the signer, which nobody retired, came to {leaf}")


@CHECKS.check(
    "hostile.log-lines",
    Level.L3,
    why="A line break in a name lets a caller write lines of the log that never happened.",
    sources=("CWE-117",),
    fix="Log what callers send with `%r`, never with `%s`.",
)
def hostile_log_lines(arena: Arena) -> None:
    """A line break in a name does not reach the log."""
    mesh = arena.mesh()
    with listening() as heard:
        raised_by(lambda: mesh.leaf(mesh.ask.leaf(_FORGED)))
        raised_by(lambda: mesh.prepare(_FORGED))
        raised_by(lambda: mesh.retire_signer(_FORGED))
    forged = [line for line in heard if "\nlevel=info forged" in line or "\x1b" in line]
    require(not forged, "a caller's line break or escape sequence stands in the log as it is")


@CHECKS.check(
    "leak.secrets",
    Level.L3,
    why="A private key was shown where a configuration was read back, and logs are read by many.",
    sources=("S24", "CVE-2020-28053", "CWE-532"),
    fix="Log names, never values; give objects that hold a key a `__repr__` of their own.",
)
def leak_secrets(arena: Arena) -> None:
    """No private key is told by a log, an error or a repr, whatever fails."""

    def failed(moment: Moment) -> bool:
        world = disturbed(arena)
        victim = world.victim(world.calm.server())
        with listening() as told:
            world.store.fail(moment)
            told.extend(_said_by(victim, victim.ensure, victim.prepare, victim.leaf))
            world.store.heal()
            told.extend(_said_by(victim, victim.ensure, victim.prepare, victim.leaf))
        found = _found(told, world.calm.secrets)
        require(not found, "a private key stands in a log, an error or a repr")
        return world.store.reached

    each_moment(failed)


def _resembling(mesh: Mesh) -> tuple[str, ...]:
    """Return names that become the signer's id when somebody cleans them."""
    own = mesh.signer
    return (
        own.upper(),
        f"{own} ",
        f"{own}/",
        f"./{own}",
        f"x/../{own}",
        f"{own}\x00",
        f"{own}\n",
        own.replace("-", "%2d"),
        own * 300,
    )


def _said_by(mesh: Mesh, *calls: Callable[[], object]) -> list[str]:
    """Make the calls, and return what their errors say; the provider's repr too."""
    errors = [error for error in map(raised_by, calls) if error is not None]
    return [repr(mesh.provider), *(text for error in errors for text in told_by(error))]


def _found(told: list[str], secrets: object) -> bool:
    """Say whether any secret that is kept can be read in what was told."""
    if not isinstance(secrets, MemorySecrets):
        return False
    kept = [secrets.get(name) or b"" for name in secrets.names()]
    return any(shows(text, secret) for text in told for secret in kept)
