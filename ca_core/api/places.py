"""Which datacenter, namespace and partition a request is about: there is one of each here."""

from ca_core.api.http import Request
from ca_core.errors import RequestError


def refuse_other_places(request: Request, datacenter: str) -> None:
    """Refuse ``?dc=``, ``?ns=`` and ``?partition=`` of places that are not served here.

    Raises:
        RequestError: names the parameter, and what is served.
    """
    if not request.query:
        return
    arguments = request.arguments()
    ours = {
        "dc": datacenter,
        "datacenter": datacenter,
        "ns": "default",
        "partition": "default",
    }
    for name, served in ours.items():
        if arguments.get(name, "") not in {"", served}:
            raise RequestError(f"only {served!r} is served here", field=name)
