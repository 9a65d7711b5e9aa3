"""The tables of ``docs/consul.md``: the route table, the differences, what is absent."""

from ca_core.api.deviations import ABSENCES, DEVIATIONS
from ca_core.api.routes import ROUTES, Route, Standing
from docs.tables import table


def same_and_corrected() -> str:
    """Return Consul's endpoints that are served."""
    return table(
        ("endpoint", "standing", "served by", "note"),
        (
            (_endpoint(route), route.standing.value, _served_by(route), route.note)
            for route in ROUTES
            if route.standing is not Standing.OURS
        ),
    )


def ours() -> str:
    """Return the endpoints that Consul does not have."""
    return table(
        ("endpoint", "served by", "does"),
        (
            (_endpoint(route), _served_by(route), route.summary)
            for route in ROUTES
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


def _endpoint(route: Route) -> str:
    return f"`{route.method} {route.path}`"


def _served_by(route: Route) -> str:
    return "both" if route.room.value == "process" else route.room.value
