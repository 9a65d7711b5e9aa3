"""The tables of ``docs/consul.md``: the route table, the differences, what is absent."""

from ca_core.api.deviations import ABSENCES, DEVIATIONS
from ca_core.api.routes import ROUTES, Room, Route, Standing
from docs.tables import table


def same_and_corrected() -> str:
    """Return Consul's endpoints that are served."""
    return table(
        ("endpoint", "standing", "served by", "note"),
        (
            (_endpoint(route), route.standing.value, _served_by(route), route.note)
            for route in _each()
            if route.standing is not Standing.OURS
        ),
    )


def ours() -> str:
    """Return the endpoints that Consul does not have."""
    return table(
        ("endpoint", "served by", "does"),
        (
            (_endpoint(route), _served_by(route), route.summary)
            for route in _each()
            if route.standing is Standing.OURS
        ),
    )


def deviations() -> str:
    """Return every known difference."""
    return table(
        ("about", "Consul", "here", "why"),
        ((one.about, one.consul, one.ours, one.why) for one in DEVIATIONS),
    )


def absences() -> str:
    """Return what of Consul's is not served."""
    return table(("of Consul's", "why"), ((one.paths, one.why) for one in ABSENCES))


def _each() -> tuple[Route, ...]:
    """Return one route of each endpoint: servers and agents may have it alike."""
    return tuple({_endpoint(route): route for route in reversed(ROUTES)}.values())[::-1]


def _endpoint(route: Route) -> str:
    return f"`{route.method} {route.path}`"


def _served_by(route: Route) -> str:
    rooms = {other.room for other in ROUTES if _endpoint(other) == _endpoint(route)}
    return route.room.value if len(rooms) == 1 and Room.PROCESS not in rooms else "both"
