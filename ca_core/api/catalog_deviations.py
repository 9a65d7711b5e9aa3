"""Where the catalog on servers knowingly differs from Consul's."""

from ca_core.api.deviation import Deviation

CATALOG_DEVIATIONS = (
    Deviation(
        "Catalog: `serfHealth`",
        "from gossip among all nodes",
        "the node's agent keeps a question parked at a server: critical a minute after nobody hears"
        " it any more, passing as soon as one does; moving to another server changes nothing",
        "agents need no way to one another",
    ),
    Deviation(
        "Catalog: silent nodes",
        "removed after `reconnect_timeout`, 72 h",
        "removed after `server.reap_after`, 72 h; the agent registers anew when it comes back",
        "the same under our name",
    ),
    Deviation(
        "Health, catalog: indexes",
        "a view's index moves with other rows too, so that one wakes for nothing; that of"
        " `/v1/catalog/services` with every instance",
        "it moves if and only if the view does, is the same on all servers, never runs backwards",
        "who waits for a change gets one",
    ),
    Deviation(
        "Health: indexes of checks",
        "`ModifyIndex` of each check's own",
        "that of the instance, or of all checks of the node itself: they are stored together",
        "an instance and its health change in one step",
    ),
    Deviation(
        "Registration: tokens",
        "needed for the checks of a service too: once its token is gone, its health stands still",
        "needed for what is new or changed, not for checks: a service whose token is gone is still"
        " shown as ill as it is",
        "health that stands still misleads",
    ),
    Deviation(
        "Catalog: bounds",
        "meta data: 64 pairs, keys of 128, values of 512 characters; most texts have none",
        "the same; ids, addresses and tags: 256 characters; 64 tags, 64 checks and 64 KiB of an"
        " instance; 2,000 instances of a node",
        "no agent fills the memory of all others",
    ),
)
"""Every difference in what servers keep of what is registered."""
