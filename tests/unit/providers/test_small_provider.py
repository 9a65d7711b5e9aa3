"""A complete, honest provider of four methods, written with what the contract ships."""

import inspect

import pytest

from ca_core.contract import (
    ROOT,
    Capability,
    CapabilityUnsupportedError,
    Kept,
    ProbeRequest,
    Provider,
    RequestError,
    RetireRequest,
    Signer,
    TrustChain,
    issue_intermediate,
    issue_leaf,
    issue_root,
    signer_name,
)
from tests.unit.providers.world import CALLS, Killed, Steps, World, killed_at, openssl_verdict


class SmallProvider(Provider):
    """Keys in the lent secret store, signatures by template: nothing else is needed."""

    capabilities = frozenset({Capability.TEMPLATE})

    def __init__(self, context):
        self._context = context
        self._kept = Kept(context)

    def ensure_authority(self, request):
        """Make or return a self-signed root."""

        def issue(key):
            now, domain = self._context.clock.now(), request.trust_domain
            return [
                issue_root(key, trust_domain=domain, label=request.id, now=now, ttl=request.ttl)
            ]

        return TrustChain(self._kept.made(ROOT, request.key, issue))

    def trust_chain(self):
        """Return the root."""
        return TrustChain(self._kept.chain(ROOT))

    def prepare_signer(self, request):
        """Make or return an intermediate below the root."""
        root = self._kept.held(ROOT)

        def issue(key):
            made = issue_intermediate(
                root.pair,
                key.public_key(),
                trust_domain=self._context.trust_domain,
                label=request.id,
                now=self._context.clock.now(),
                ttl=request.ttl,
            )
            return [made, root.certificate]

        return Signer(request.id, self._kept.made(signer_name(request.id), request.key, issue))

    def sign_leaf(self, request):
        """Sign under the named signer."""
        return issue_leaf(self._kept.signer(request.signer).pair, request)

    def retire_signer(self, request):
        """Forget one signer."""
        self._kept.retire_signer(request.id)

    def retire(self, request):
        """Forget everything."""
        self._kept.retire()


class SmallWorld(World):
    """A cluster of small providers."""

    def __init__(self):
        super().__init__("builtin")

    def server(self, authority="a1", *, steps=None, **_config):
        """Return a new small provider."""
        return SmallProvider(self.context(authority, steps=steps))


def test_it_is_under_sixty_lines():
    """What the contract promises to an author can be counted."""
    assert len(inspect.getsource(SmallProvider).splitlines()) < 60


def test_a_probe_that_nobody_wrote_tells_whether_the_authority_exists():
    """The default asks for the chain: nothing, then something, and nothing again once retired."""
    world = SmallWorld()
    server, ask = world.server(), ProbeRequest(request_id="r-1", deadline=world.clock.now())
    assert not server.probe(ask).exists
    server = world.started()
    assert server.probe(ask).exists
    server.retire(RetireRequest(request_id="r-2", deadline=world.clock.now()))
    assert not server.probe(ask).exists


def test_it_signs_what_openssl_accepts(tmp_path):
    """Four methods are a certificate authority."""
    world = SmallWorld()
    server = world.started()
    chain = world.prepare(server).chain
    leaf, now = world.sign(server), world.clock.now()
    assert openssl_verdict(tmp_path, leaf, chain[:1], chain[1], at=now) == ""


def test_what_it_does_not_write_refuses():
    """Every other method has a default that names the missing capability."""
    world = SmallWorld()
    server = world.started()
    for method in CALLS.values():
        with pytest.raises(CapabilityUnsupportedError):
            getattr(server, method)(world.crl_request())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_it_survives_being_killed_at_any_write(after):
    """Durability and races come with ``Kept``, not with care."""
    for step in range(10):
        world = SmallWorld()
        try:
            victim = world.server(steps=Steps(killed_at(step), after=after))
            world.ensure(victim)
            world.prepare(victim)
        except Killed:
            pass
        else:
            assert step == 6
            return
        world.sign(world.started())
        assert world.objects() == 2


def test_its_ids_die_with_retirement():
    """Retirement is one call each."""
    world = SmallWorld()
    server = world.started()
    world.retire_signer(server)
    with pytest.raises(RequestError):
        world.prepare(server)
    world.retire(server)
    assert world.objects() == 0
