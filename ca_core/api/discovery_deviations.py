"""Where discovery knowingly differs from Consul's, and what of Consul's is not here."""

from ca_core.api.deviation import Absence, Deviation

DISCOVERY_DEVIATIONS = (
    Deviation(
        "Health, catalog: who answers",
        "a server, unless `?cached` is there; an agent passes the request on",
        "an agent from memory, which one question to its server keeps fresh; `X-Cache` and `Age`"
        " always, `X-Consul-KnownLeader` and `X-Consul-LastContact` while no server answers too",
        "discovery goes on while servers are away, and says how old it is",
    ),
    Deviation(
        "Health, catalog: names that one may not see",
        "looked up, then the rows are taken out; index and wake-ups tell that the name exists",
        "not looked up: the answer is that of a name which nobody has registered, index 1; waiting"
        " for it is waiting for nothing",
        "what one may not see leaves no trace, and strangers fill no cache",
    ),
    Deviation(
        "Health, catalog: rights",
        "looked at before the view, once",
        "before it, and again once a blocking query is answered",
        "a right may go while one waits",
    ),
    Deviation(
        "Health, catalog: parameters without a meaning",
        "`passing`, `tag` and `node-meta` are ignored where rows have no such thing",
        "400",
        "a whole list that looks filtered misleads",
    ),
    Deviation(
        "Health, catalog: names",
        "services compare without case; a name that nobody can have gives an empty list",
        "by case; 400 for what no SPIFFE ID can hold, such as blanks",
        "two names that differ are two identities",
    ),
    Deviation(
        "Health: states",
        "a state that does not exist gives an empty list",
        "400",
        "no critical check is good news, and a misspelt question is not",
    ),
    Deviation(
        "Catalog: servers",
        "each server is a node, with a service `consul`",
        "agents and what they register, nothing else",
        "servers are found by configuration",
    ),
    Deviation(
        "Health, catalog: fields",
        "`Definition`, `ExposedPort`, `PeerName`, `Locality`, `Namespace`, `Partition`;"
        " `ServiceTags` of a node's check is null",
        "absent; no list is null",
        "there is nothing to say in them",
    ),
)
"""Every difference in what is read of the catalog."""

DISCOVERY_ABSENCES = (
    Absence(
        "`PUT /v1/catalog/register`, `PUT /v1/catalog/deregister`",
        "agents speak for their own node and nobody for another's: register with its agent;"
        " `ca-core agent forget` takes a node out",
    ),
    Absence(
        "`/v1/catalog/node-services`, `/v1/catalog/gateway-services`, `/v1/health/ingress`",
        "`/v1/catalog/node/:node` has a node's services; there are no gateways",
    ),
    Absence(
        "`?near` and network coordinates; `?filter` and its language; `?peer`, `?sg`,"
        " `?merge-central-config`",
        "400: one datacenter without peers, sameness groups or central configuration; clients"
        " choose among the rows",
    ),
    Absence(
        "prepared queries, failover to other datacenters, DNS",
        "`/v1/health/connect/:service` is followed by blocking queries",
    ),
    Absence(
        "the streaming backend, `X-Consul-Query-Backend`",
        "one parked question of an agent carries everything that it follows",
    ),
)
"""What a client of Consul will miss around discovery."""
