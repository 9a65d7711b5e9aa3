"""Where services and checks at the agent knowingly differ from Consul's, and what is not here."""

from ca_core.api.deviation import Absence, Deviation

SERVICE_DEVIATIONS = (
    Deviation(
        "Services at the agent: bodies",
        "unknown fields are left aside; `Token` in the body goes before the header",
        "400 with the field; a `Token` in the body too, since bodies are kept in files",
        "a wish that is not fulfilled must not look fulfilled",
    ),
    Deviation(
        "Services at the agent: names and ids",
        "any characters; ids of checks are unique, and whoever comes last has one",
        "names: what a SPIFFE ID may hold; ids: printable, without `/`, those of services without"
        " blanks; an id that another service's check has gets 409",
        "who may write one service must not make another one look well",
    ),
    Deviation(
        "Services at the agent: who is refused",
        "403 names the service behind an id, 404 tells that there is none",
        "403 repeats the id, and is the same whether or not it is there; 404 only with the right on"
        " the name, and for what nobody registered on the id as a name",
        "ids that can be guessed must not tell what runs on a host",
    ),
    Deviation(
        "Services at the agent: a token that is revoked",
        "the service stays registered; servers keep what they have",
        "likewise; a change of it needs the right of whoever makes it, and is listed as refused in"
        " `/v1/agent/self` where no right is left and `acl.agents_sign` is `granted`",
        "what is refused should be seen where it was registered",
    ),
    Deviation(
        "Services at the agent: what is kept on disk",
        "services, checks, and the tokens that registered them, in a file each",
        "one file without tokens, mode 0600; after a restart servers take what they know already,"
        " and ask for a right where something new is said",
        "a token is worth more than a registration",
    ),
    Deviation(
        "Services at the agent: what servers are told",
        "each change is a request; once a minute or so all is compared",
        "the state is told whole, once changes of 50 ms have gathered; a digest rides in the"
        " question that every agent has waiting, so a difference is seen at once",
        "idle agents cost nothing, and nothing drifts for a minute",
    ),
    Deviation(
        "Checks: after a restart of the agent",
        "all but TTL checks begin critical, until they are run",
        "all stand as they stood; TTL checks that expired meanwhile are critical",
        "an agent that is updated must not take a host out of traffic",
    ),
    Deviation(
        "Checks: registered again",
        "begins with its initial status",
        "the same definition stands as it stood; another one begins anew",
        "a deployment that repeats itself is no outage",
    ),
    Deviation(
        "HTTP checks",
        "redirects are followed, unless `DisableRedirects`; user and password may stand in the URL",
        "redirects are never followed, and critical; a password belongs into `Header`, which no"
        " answer shows",
        "a check asks whom it names; URLs are shown in outputs",
    ),
    Deviation(
        "Alias checks",
        "of services of any node; critical or passing of all, warnings count too",
        "of services of this node alone (`AliasNode` of another one gets 400); as the worst of what"
        " is followed; seeing that is needed to follow it",
        "what one may not see must not be told by a check",
    ),
    Deviation(
        "Checks: limits",
        "`OutputMaxSize` up to 4 KiB and more; any number of checks",
        "4,096 characters of output, less where those of an instance are above 64 KiB together; 64"
        " checks of an instance, 2,000 services of a host; `OutputMaxSize` has no effect",
        "what servers keep has a bound",
    ),
    Deviation(
        "Health at the agent",
        "checks of the node are shown to whoever may see the service",
        "they count for everybody, and are shown to `node:read`",
        "they are the node's",
    ),
)
"""Every difference in what programs register with their agent."""

SERVICE_ABSENCES = (
    Absence(
        "gRPC, Docker, script, H2PING, UDP, TLS-port and OS-service checks",
        "400 by name: an agent runs no programs for others; a TTL check takes the result of any",
    ),
    Absence(
        "gateways, `Proxy.Mode`, `Expose`, `MeshGateway`, prepared queries as upstreams,"
        " `Locality`, `Ports`",
        "400 by name: no proxy is configured from them here",
    ),
    Absence(
        "`/v1/agent/members`, `…/join`, `…/leave`, `…/force-leave`, `…/reload`, `…/monitor`,"
        " `…/metrics`, `…/token/…`, `…/host`, `…/version`",
        "there is no gossip; SIGHUP reads the configuration anew; `/metrics` and logs tell more",
    ),
    Absence("`?filter` of services and checks", "400: a whole list that looks filtered misleads"),
)
"""What a client of Consul will miss where it registers."""
