"""Which rows a reader wants."""

from hypothesis import given
from hypothesis import strategies as st

from ca_core.catalog.choosing import EVERY_ROW, Wanted, chosen, chosen_nodes
from tests.unit.api.discovering import instance, node_of

STATUSES = st.sampled_from(["passing", "warning", "critical"])
TAGS = st.lists(st.sampled_from(["a", "A", "b"]), max_size=2).map(tuple)
META = st.dictionaries(st.sampled_from("xy"), st.sampled_from("12"), max_size=2)
INSTANCES = st.lists(
    st.builds(instance, status=STATUSES, alive=STATUSES, tags=TAGS, meta=META), max_size=6
).map(tuple)
WANTED = st.builds(
    Wanted,
    passing=st.booleans(),
    tags=st.frozensets(st.sampled_from("ab"), max_size=2),
    node_meta=st.frozensets(st.tuples(st.sampled_from("xy"), st.sampled_from("12")), max_size=2),
)


@given(INSTANCES)
def test_who_wants_nothing_special_gets_everything(instances):
    """In its order."""
    assert chosen(instances, EVERY_ROW) == instances


@given(INSTANCES, WANTED)
def test_rows_are_chosen_one_by_one(instances, wanted):
    """Each by itself, in order, as a slow reading of the three conditions has it."""

    def fits(one):
        statuses = {str(check.status) for check in one.checks}
        tags = {tag.lower() for tag in one.service.tags}
        return (
            (not wanted.passing or statuses <= {"passing"})
            and all(tag in tags for tag in wanted.tags)
            and all(pair in one.node.meta.items() for pair in wanted.node_meta)
        )

    assert chosen(instances, wanted) == tuple(filter(fits, instances))


@given(st.lists(META, max_size=4), WANTED)
def test_nodes_are_chosen_by_meta_alone(metas, wanted):
    """They have no tags, and whether they are alive is no part of them."""
    nodes = tuple(node_of(f"n{number}", meta=meta) for number, meta in enumerate(metas))
    expected = tuple(one for one in nodes if wanted.node_meta <= set(one.meta.items()))
    assert chosen_nodes(nodes, wanted) == expected
