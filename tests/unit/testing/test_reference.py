"""The reference provider: rules that its backend's short names make easy to break."""

import pytest

from ca_core.contract import RequestError, RetireSignerRequest
from ca_core.testing import reference_plugin
from tests.unit.providers.world import World


@pytest.mark.parametrize("name", ["", "../x", "A B"])
def test_retiring_what_is_no_id_touches_nothing(name):
    """The primary CA's name in the backend is empty, and no signer's id is."""
    world = World("reference")
    server = world.server()
    world.ensure(server)
    chain = server.trust_chain()
    request = RetireSignerRequest(request_id="r", deadline=world.clock.now(), id=name)
    with pytest.raises(RequestError):
        server.retire_signer(request)
    assert server.trust_chain() == chain


def test_it_is_described():
    """Its descriptor says what it is for."""
    assert "tests" in reference_plugin().description
