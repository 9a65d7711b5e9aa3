"""Signing leaves nothing behind in this process: no memory, no thread, no socket."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ca_core.testing.conformance.leaking import files, threads
from tests.vaults.subjects import Mounts, arena_of, subject

CALLERS = 32
WARM = 20


def sign(mesh, times):
    """Have that many leaves signed by each of many callers at once."""
    csr = mesh.ask.leaf(mesh.signer).csr

    def signed(_caller):
        for _ in range(times):
            mesh.provider.sign_leaf(mesh.ask.leaf(mesh.signer, csr=csr))

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(signed, range(CALLERS)))


def blocks():
    """Return how many pieces of memory are in use once the rubbish is gone."""
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "times", [pytest.param(30, id="1000"), pytest.param(625, id="20000", marks=pytest.mark.soak)]
)
def test_signing_leaves_nothing_behind(vault, times):
    """However many leaves were signed, memory, threads and sockets are what they were."""
    with arena_of(subject(Mounts(vault))) as arena:
        mesh = arena.mesh()
        sign(mesh, WARM)
        memory, before = blocks(), threads() | files()
        sign(mesh, times)
        assert blocks() - memory < CALLERS * times / 2
        assert len((threads() | files()) - before) < CALLERS  # a connection may be a new one
