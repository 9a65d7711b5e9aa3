"""No new root signs before the programs hold it that an agent feeds: with real processes.

Alone with its fleet: this process is the program, and holds back what comes after, too.
"""

from tests.integration.lifecycle.processes import over


def test_a_program_that_has_not_taken_the_new_root_over_holds_the_change_up(fleet):
    """Its agent does not say that everybody it feeds holds the new root until it comes back."""
    socket = fleet.home / "n1" / "agent.sock"
    with over(socket) as reader:
        path = "/v1/agent/connect/ca/roots"
        before = reader.get(path)
        index = before.headers["x-consul-index"]
        name = fleet.rotate()
        told = reader.get(path, params={"index": index, "wait": "30s"})
        assert len(told.json()["Roots"]) == len(before.json()["Roots"]) + 1
        assert fleet.waiting_for(name, "n1").phase == "distributed"
        reader.get(path, params={"index": told.headers["x-consul-index"], "wait": "10ms"})
        assert fleet.active(name).left_behind == ()
