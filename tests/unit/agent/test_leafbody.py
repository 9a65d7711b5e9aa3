"""What leaves of one signer have in common is kept once; what a kept leaf costs."""

import gc
import tracemalloc

import msgspec

from ca_core.agent.leafbody import IssuerChains
from ca_core.agent.signing import Signer
from ca_core.wire.leaf import IssuedCert
from tests.unit.agent.leafhouse import ANYONE, ran

THE_AGENTS = tracemalloc.Filter(inclusive=True, filename_pattern="*/ca_core/agent/*")
SIGNER = Signer("aa:bb", "cc")


def cert(leaf, chain):
    """Return the answer for a leaf."""
    return IssuedCert(
        serial_number="08",
        cert_pem=leaf + chain,
        private_key_pem="a key",
        service="web",
        valid_after="2030-01-01T00:00:00Z",
        valid_before="2030-01-04T00:00:00Z",
        create_index=1,
        modify_index=1,
    )


def test_the_pieces_make_the_same_answer():
    """With a chain and without one, whatever stands in it."""
    chains = IssuerChains()
    for chain in ("", "chain\n", 'with "quotes"\n'):
        whole = cert("leaf\n", chain)
        assert chains.body(whole, chain, SIGNER).json == msgspec.json.encode(whole)


def test_a_chain_is_kept_once_and_goes_with_its_last_leaf():
    """Equal chains are one object; nobody has to tidy up."""
    chains = IssuerChains()
    one = chains.body(cert("one\n", "chain\n"), "chain\n", SIGNER)
    two = chains.body(cert("two\n", "chain\n"), "chain\n", SIGNER)
    assert one.chain is two.chain
    other = chains.body(cert("one\n", "chain\n"), "chain\n", Signer("aa:bb", "dd"))
    assert other.chain is not one.chain
    assert len(chains) == 2
    del one, two
    gc.collect()
    assert len(chains) == 1


def test_neither_key_nor_certificate_is_in_the_repr():
    """A body holds a secret."""
    assert "a key" not in repr(IssuerChains().body(cert("one\n", ""), "", SIGNER))


def test_a_kept_leaf_costs_less_than_three_kilobytes():
    """Leaf, key, record and its entry in the timetable, as far as the agent's code made them."""

    async def scenario(h):
        for number in range(20):  # what is made once is made now
            await h.leaves.get(ANYONE, f"first{number}")
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(200):
                await h.leaves.get(ANYONE, f"s{number}")
            h.upstream.signed.clear()
            h.upstream.replaced.clear()
            gc.collect()
            kept = tracemalloc.take_snapshot().filter_traces([THE_AGENTS])
        finally:
            tracemalloc.stop()
        assert 1000 < sum(trace.size for trace in kept.traces) / 200 < 3 * 1024

    ran(scenario)
