"""Where intentions knowingly differ from Consul's, and what of Consul's is not here."""

from ca_core.api.deviation import Absence, Deviation

INTENTION_DEVIATIONS = (
    Deviation(
        "Intentions: what is wrong in a request",
        "500 for queries, names and rules, for unknown ids and for duplicates; `null` ends the"
        " request in a panic",
        "400 with the field; 404 for an unknown id; 409 for a pair that has one already",
        "a client must know whether to repeat or to correct",
    ),
    Deviation(
        "Intentions: what they are",
        "configuration entries, one per destination; all of a destination share their indexes,"
        " meta data and the ban on mixing old and new clients",
        "one row per pair of names with indexes, meta data and times of its own; `PUT` by name and"
        " by id may be mixed, and an id lasts as long as its intention",
        "two programs may own two sources of one destination",
    ),
    Deviation(
        "Intentions: `Meta` in `PUT …/exact`",
        "refused, unless it is what stands",
        "replaces what stands; absent, it stays",
        "meta data belongs to the intention",
    ),
    Deviation(
        "Intentions: the same again",
        "written, and every watcher is woken",
        "nothing is written",
        "a deployment that repeats itself is no change",
    ),
    Deviation(
        "Intentions: compare-and-set",
        "on configuration entries alone",
        "`?cas=` with a ModifyIndex, 0 for none; 409 if it does not hold",
        "two operators must not undo one another",
    ),
    Deviation(
        "Intentions: observe mode",
        "there is none",
        "`Observe`: counted and logged, never enforced",
        "a denial can be tried before it hurts",
    ),
    Deviation(
        "Intentions: namespaces",
        "in Enterprise",
        "`ns/svc` and `*/*` everywhere; a rule on `svc` is about the namespace `default` alone,"
        " one on `/ns/svc` about that service",
        "certificates carry namespaces already",
    ),
    Deviation(
        "Intentions: names",
        "any characters; looked up in lower case",
        "what a SPIFFE ID may hold, case-sensitive",
        "a name that no certificate can carry matches nobody",
    ),
    Deviation(
        "Intentions: peers and sameness groups, other partitions, JWT requirements",
        "supported, some in Enterprise",
        "refused with 400",
        "a condition that is not enforced must not be accepted",
    ),
    Deviation(
        "Intentions: permissions",
        "any number; expressions are checked by the proxy; names of headers as written; protocols"
        " of services are looked up",
        "256 at most; 512 expressions, RE2 of 1,024 characters, checked when written; a request"
        " that is too long for them is denied; names of headers lower case,"
        " pseudo-headers refused; no protocol is known",
        "an expression must not be refused once it protects something",
    ),
    Deviation(
        "Intentions: paths of requests",
        "compared as the proxy passes them on; it normalises them if a mesh entry says so",
        "always in one form: escapes, empty segments and dots resolved; what can be read in two"
        " ways (`%2F`, backslashes, escapes of escapes, `..` above the root) is denied;"
        " `PathExact` and `PathPrefix` that no such form matches are refused with 400",
        "CVE-2024-10005: a denial must not be passed by in another spelling",
    ),
    Deviation(
        "Intentions: headers of requests",
        "several lines, or values, of one header are compared as one text; where it is absent no"
        " condition with `Invert` holds",
        "an allow holds for every line and value, a deny for one of them; `Contains` is about the"
        " whole; where a header is absent, a deny with `Invert` holds",
        "CVE-2024-10006: who adds a value, or leaves one out, must not gain by it",
    ),
    Deviation(
        "Intentions: check",
        "any name; no reason",
        "services alone, no wildcards; `X-Ca-Core-Reason` says why",
        "whether everybody may is another question",
    ),
)
"""Every difference in intentions."""

INTENTION_ABSENCES = (
    Absence(
        "`/v1/internal/ui/service-topology/…`, the topology that intentions imply",
        "no proxy is configured by it",
    ),
    Absence(
        "`?filter` of intentions",
        "refused with 400: a list that is not filtered would mislead",
    ),
    Absence(
        "`SourcePeer`, `SourceSamenessGroup`, `JWT` in intentions; legacy migration, replication",
        "peers, partitions and several datacenters are not implemented; nothing older is migrated",
    ),
)
"""What a client of Consul will miss in intentions."""
