"""Several calls on one provider object at once, as many as it says it can take."""

from cryptography import x509

from ca_core.contract import LeafRequest, spki_der
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.trying import LETS_PASS, Running, at_once, attempt
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Moment

CHECKS = Catalogue()

MOST_AT_ONCE = 8
"""Threads that sign, however many more a provider takes."""


@CHECKS.check(
    "race.leaf-keys",
    Level.L3,
    why="Calls that share a buffer give one service the certificate of another.",
    sources=("S22", "Consul GH-4463"),
    fix="Keep nothing of a request on `self`; say with `concurrency` how many calls you can take.",
)
def race_leaf_keys(arena: Arena) -> None:
    """Leaves signed at once, as many as `concurrency` allows, each carry their own CSR's key."""
    mesh = arena.mesh()
    for request, leaf in _signed_at_once(mesh):
        own = spki_der(leaf.public_key()) == spki_der(request.csr.public_key())
        require(own, "a leaf carries the key of another request that ran at the same time")


@CHECKS.check(
    "race.serials",
    Level.L3,
    why="Two certificates of one issuer with one serial number cannot be told apart, nor revoked.",
    sources=("S22", "Consul GH-7011", "RFC 5280 §4.1.2.2"),
    fix="Draw serial numbers at random (`new_serial`), or count them under a lock.",
)
def race_serials(arena: Arena) -> None:
    """Leaves signed at once, as many as `concurrency` allows, have serial numbers of their own."""
    mesh = arena.mesh()
    serials = [leaf.serial_number for _, leaf in _signed_at_once(mesh)]
    require(len(set(serials)) == len(serials), "two leaves signed at once share a serial number")


@CHECKS.check(
    "race.health",
    Level.L3,
    why="Health is asked for by load balancers while the provider works; if it waits in the same "
    "queue, a busy server is taken for a dead one.",
    sources=("SPIRE GH-5771", "Consul GH-12048"),
    fix="Answer `health()` without the lock that signing holds.",
)
def race_health(arena: Arena) -> None:
    """Shallow health answers while another call is under way."""
    world = disturbed(arena)
    calm = world.calm.server()
    calm.ensure()
    busy = world.victim(calm)
    answered: list[bool] = []

    def ask() -> None:
        asked = Running(busy.provider.health, "health()")
        answered.append(asked.is_done_within(LETS_PASS))

    world.store.at(Moment(1), ask)
    busy.prepare()
    require(all(answered), "health() waits until the call that is under way has ended")


@CHECKS.check(
    "race.close",
    Level.L3,
    why="A server that stops while it signs must not die of it: its last answers are awaited.",
    sources=("S28", "SPIRE GH-6590", "SPIRE GH-6773"),
    fix="After `close` raise a typed error, such as `UnavailableError`, instead of using what is "
    "gone.",
)
def race_close(arena: Arena) -> None:
    """A leaf asked for around the moment of a close is signed or refused with a typed error."""
    mesh = arena.mesh()
    requests = [mesh.ask.leaf(mesh.signer) for _ in range(4)]

    def signed() -> None:
        for request in requests:
            attempt(lambda request=request: mesh.provider.sign_leaf(request), "sign_leaf()")  # type: ignore[misc] # bound now

    signing, closing = at_once([signed, mesh.provider.close], "signing or closing")
    require(closing.error is None, f"close() came to {closing}")
    require(signing.error is None, f"signing came to {signing}")
    signed()


def _signed_at_once(mesh: Mesh) -> list[tuple[LeafRequest, x509.Certificate]]:
    """Sign three leaves in each of as many threads as the provider takes."""
    threads = max(1, min(mesh.provider.concurrency, MOST_AT_ONCE))
    requests = [[mesh.ask.leaf(mesh.signer) for _ in range(3)] for _ in range(threads)]
    calls = [lambda mine=mine: [mesh.leaf(request) for request in mine] for mine in requests]
    found: list[tuple[LeafRequest, x509.Certificate]] = []
    for mine, result in zip(requests, at_once(calls, "sign_leaf()"), strict=True):
        require(result.error is None, f"signing at once came to {result}")
        found += zip(mine, result.answer or (), strict=True)
    return found
