"""Two servers on one pair of mounts: each signs under the signer that its store names."""

import threading

import pytest

from ca_core.contract import SignerUnknownError, is_signed_by, subject_key_id
from ca_core.identity.certificates import authority_key_id

TURNS = pytest.mark.parametrize(
    "turns", [pytest.param(2, id="2"), pytest.param(12, id="12", marks=pytest.mark.soak)]
)
"""Each makes signers, and the more of them a mount has, the slower it is."""


def of_one_cluster(arena):
    """Return two servers with one store and one authority."""
    first = arena.mesh()
    return first, first.another()


def of_two_clusters(arena):
    """Return a server of each of two clusters: they know nothing of each other."""
    return arena.mesh(), arena.mesh()


PAIRS = pytest.mark.parametrize("pair", [of_one_cluster, of_two_clusters])


def assert_signs_under(mesh, signer):
    """Assert that a server's leaf is signed by ``signer``, by its key and by its name."""
    leaf = mesh.leaf(mesh.ask.leaf(signer.id))
    assert is_signed_by(leaf, signer.certificate)
    assert authority_key_id(leaf) == subject_key_id(signer.certificate)


def in_threads(*works):
    """Run each of ``works`` in a thread of its own; raise the first failure."""
    failed = []

    def run(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - an assertion in a thread is a failure, too
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    for error in failed:
        raise error


@TURNS
@PAIRS
def test_whatever_the_other_prepares_the_stores_signer_signs(arena, pair, turns):
    """By turns: one prepares, the other signs under the signer that it had before."""
    one, other = pair(arena)
    mine, theirs = one.prepare(), other.prepare()
    for _ in range(turns):
        fresh = one.prepare()
        assert_signs_under(other, theirs)
        assert_signs_under(one, fresh)
        assert_signs_under(one, mine)
        mine, theirs = fresh, other.prepare()
        assert_signs_under(one, mine)
        assert_signs_under(other, theirs)


@TURNS
@PAIRS
@pytest.mark.timeout(120)
def test_preparing_and_signing_at_the_same_time_do_not_mix(arena, pair, turns):
    """In threads: each prepares and signs, and no leaf is another signer's."""
    servers = pair(arena)

    def work(mesh):
        signer = mesh.prepare()
        for _ in range(turns):
            assert_signs_under(mesh, signer)
            signer = mesh.prepare()
            assert_signs_under(mesh, signer)

    in_threads(*(lambda mesh=mesh: work(mesh) for mesh in servers * 2))


@TURNS
def test_two_servers_that_prepare_one_signer_get_the_same(arena, mounts, turns):
    """Both at once, several times: one certificate, one key, and leaves of both under it."""
    one, other = of_one_cluster(arena)
    before = mounts.count()
    made = []
    for turn in range(turns):
        name = f"s-shared-{turn}"
        got = {}
        in_threads(
            lambda got=got, name=name: got.update(one=one.prepare(name)),
            lambda got=got, name=name: got.update(other=other.prepare(name)),
        )
        assert got["one"] == got["other"]
        assert_signs_under(one, got["one"])
        assert_signs_under(other, got["one"])
        made.append(name)
    after = mounts.count()
    for kind in ("issuers", "keys"):
        path = f"{mounts.intermediate} {kind}"
        assert after[path] == before[path] + len(made)


def test_the_signers_of_another_cluster_cannot_be_named(arena):
    """What one cluster's store does not have is unknown to it, though the mount has it."""
    one, other = of_two_clusters(arena)
    theirs = other.prepare()
    with pytest.raises(SignerUnknownError, match=theirs.id):
        one.leaf(one.ask.leaf(theirs.id))


def test_retiring_in_one_server_stops_the_other(arena):
    """The store says that a signer is gone, to a server that has signed under it a moment ago."""
    one, other = of_one_cluster(arena)
    gone, stays = one.prepare(), one.prepare()
    assert_signs_under(other, gone)
    one.retire_signer(gone.id)
    with pytest.raises(SignerUnknownError, match=gone.id):
        other.leaf(other.ask.leaf(gone.id))
    assert_signs_under(other, stays)
