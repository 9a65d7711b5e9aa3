"""The section on hooks in ``plugins.md`` is true: its plugin works, its numbers are the code's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.events import MOST_WAITING, Events
from ca_core.authority.registry import Registry
from ca_core.authority.reviewing import MOST_REASON, QUICK, QUICK_RUN, STRIKES
from ca_core.authority.reviews import Reviews
from ca_core.authority.reviewthreads import PATIENCE
from ca_core.config import Config
from ca_core.contract import EVENT_FIELDS, EventType
from ca_core.errors import DeniedError
from tests.docs.printed import PAGE, module_of, source_of
from tests.unit.authority.plugins import REVIEW

SECTION = PAGE.partition("## Reference: hooks")[2].partition("\n## ")[0]


async def test_the_printed_plugin_reviews_and_observes_as_it_says():
    """It denies a name outside its zone, lets others pass, and counts what is issued."""
    module = module_of(source_of("hooks"), "acme_zone")
    plugin = Registry(entry_points=(), extra_hooks={"zone": module}).hook_plugin("zone")
    reviews, events = Reviews([plugin]), Events([plugin])
    await reviews.ask(replace(REVIEW, dns_names=("web.acme.internal",)))
    with pytest.raises(DeniedError, match=r"'zone' denied this leaf: web.example is not below"):
        await reviews.ask(replace(REVIEW, dns_names=("web.example",)))
    fields = dict.fromkeys(EVENT_FIELDS[EventType.LEAF_ISSUED], "ca-1")
    events.tell(EventType.LEAF_ISSUED, **fields)
    events.close()
    reviews.close()
    assert module.issued == {"ca-1": 1}


@pytest.mark.parametrize(
    "words",
    [
        f"(`review_budget`, {Config().plugins.review_budget / timedelta(milliseconds=1):g} ms)",
        f"over it {'three' if STRIKES == 3 else STRIKES} times in a row",
        f"quick ({QUICK * 1000:g} ms) {'eight' if QUICK_RUN == 8 else QUICK_RUN} times in a row",
        f"no sign for {'two' if PATIENCE == 2 else PATIENCE} seconds",
        f"that is {MOST_WAITING} events behind",
        f"{MOST_REASON} characters of it are shown",
    ],
)
def test_every_number_of_the_section_is_that_of_the_code(words):
    """Somebody who changes a limit is sent to the page."""
    assert words in SECTION


def test_every_event_and_every_field_is_in_the_section():
    """The table is generated; nothing of it is missing."""
    rows = {line.split(" | ")[0].strip("| `"): line for line in SECTION.splitlines()}
    for kind, fields in EVENT_FIELDS.items():
        assert [name for name in fields if f"`{name}`" not in rows[kind.value]] == []
