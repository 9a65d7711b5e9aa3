"""One part of what an agent follows: the lists of intentions, waited for by themselves."""

from ca_core.api.intentionlists import lists_look
from ca_core.api.news import first_news
from ca_core.durations import parse_duration


async def current_lists(room, asked):
    """Return what the agent does not hold: at once if there is any, else when it comes."""
    seconds = parse_duration(asked.wait).total_seconds()
    found = await first_news(room.store, room.clock, {"": lists_look(room, asked)}, seconds)
    return found[""].answer
