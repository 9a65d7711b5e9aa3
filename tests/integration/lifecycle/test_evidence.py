"""No new root signs before every agent that counts holds it: with real processes."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime

from ca_core.identity.certificates import authority_key_id, parse_certificates
from ca_core.wire.times import parse_wire_time
from tests.integration.lifecycle.processes import until


@contextmanager
def paused(agent):
    """Cut an agent off: its connections stay, and nobody answers on them."""
    agent.pause()
    try:
        yield
    finally:
        agent.go_on()


def moment(found, phase):
    """Return when an operation came into a phase."""
    return next(parse_wire_time(step.at) for step in found.history if step.phase == phase)


def published(fleet):
    """Return the roots that the server gives out."""
    with fleet.operator() as client:
        pem = client.get("/v1/connect/ca/roots?pem").text
    return set(parse_certificates(pem, field="roots"))


def test_a_rotation_becomes_active_once_every_agent_has_it_on_its_disk(fleet, record_property):
    """Nobody is missing, nobody is left behind, and a restart would trust the new root."""
    began = time.monotonic()
    found = fleet.active(fleet.rotate())
    record_property("measured", f"active after {time.monotonic() - began:.2f} s, three agents")
    assert (found.progress.counted, found.left_behind) == (3, ())
    for node in ("n1", "n2", "n3"):
        assert set(fleet.bundle(node)) >= published(fleet)


def test_after_a_change_every_agent_gets_a_leaf_of_the_new_signer(fleet):
    """Soon, not at its next renewal: the old root may leave before that."""
    fleet.active(fleet.rotate())
    (active,) = [root for root in fleet.roots()["Roots"] if root["Active"]]
    signing = bytes.fromhex(active["SigningKeyID"].replace(":", ""))
    for node in ("n1", "n2", "n3"):
        until(lambda node=node: authority_key_id(fleet.identity(node).chain[0]) == signing)


def test_an_agent_that_is_cut_off_holds_the_change_up_and_is_named(fleet):
    """It stays distributed until the agent goes on; then it becomes active by itself."""
    with paused(fleet.agents["n2"]):
        name = fleet.rotate()
        found = fleet.waiting_for(name, "n2")
        assert (found.phase, found.progress.counted, found.progress.acknowledged) == (
            "distributed",
            3,
            2,
        )
        assert fleet.unchanged(name, wait="3s").phase == "distributed"  # it was weighed again
        went_on = datetime.now(UTC).replace(microsecond=0)
    found = fleet.active(name)
    assert moment(found, "active") >= went_on
    assert found.left_behind == ()


def test_forgetting_an_agent_that_is_gone_lets_the_change_go_on(fleet):
    """Nobody waits for it any more, and it gets no lease when it comes back."""
    fleet.join("n4")
    with paused(fleet.agents["n4"]):
        name = fleet.rotate()
        assert fleet.waiting_for(name, "n4").progress.counted == 4
        fleet.command("agent", "forget", "n4")
        found = fleet.active(name)
    assert (found.progress.counted, found.left_behind) == (3, ())
    log = fleet.home / "n4.log"
    until(lambda: "is not a member of this cluster" in log.read_text())
    fleet.agents.pop("n4").stop()


def test_without_the_gate_an_agent_is_left_behind_by_name(fleet):
    """Force asks nobody: the new root signs at once, and who does not know it is on record."""
    with paused(fleet.agents["n3"]):
        found = fleet.active(fleet.rotate(Force=True))
        (left,) = [one for one in found.left_behind if one.endswith("/n3")]
        assert published(fleet) - set(fleet.bundle("n3"))
    assert left.startswith("spiffe://")
    until(lambda: set(fleet.bundle("n3")) >= published(fleet))
