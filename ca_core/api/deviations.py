"""Where this API knowingly differs from Consul's, and what of Consul's is not here.

``docs/consul.md`` is written from these lists and from the route table; a difference that stands in
neither is a bug.
"""

from ca_core.api.acl_deviations import ACL_ABSENCES, ACL_DEVIATIONS
from ca_core.api.authorize_deviations import AUTHORIZE_ABSENCES, AUTHORIZE_DEVIATIONS
from ca_core.api.cache_deviations import CACHE_ABSENCES, CACHE_DEVIATIONS
from ca_core.api.catalog_deviations import CATALOG_DEVIATIONS
from ca_core.api.deviation import Absence, Deviation
from ca_core.api.discovery_deviations import DISCOVERY_ABSENCES, DISCOVERY_DEVIATIONS
from ca_core.api.intention_deviations import INTENTION_ABSENCES, INTENTION_DEVIATIONS
from ca_core.api.leaf_deviations import LEAF_DEVIATIONS
from ca_core.api.service_deviations import SERVICE_ABSENCES, SERVICE_DEVIATIONS
from ca_core.api.token_deviations import TOKEN_DEVIATIONS

DEVIATIONS = (
    Deviation(
        "SPIFFE ID: percent-encoding",
        "decoded, so a name may contain `/`",
        "refused",
        "SPIFFE forbids it; two spellings of one identity invite confusion",
    ),
    Deviation(
        "SPIFFE ID: query and fragment",
        "ignored when parsing, copied into the leaf",
        "refused",
        "what was checked and what is signed must be the same",
    ),
    Deviation(
        "SPIFFE ID: user info, port, upper case in scheme or trust domain",
        "accepted and copied",
        "refused",
        "SPIFFE forbids them; verifiers compare bytes",
    ),
    Deviation(
        "SPIFFE ID: partitions",
        "any, in Enterprise",
        "only `default`, which is dropped",
        "partitions are not implemented",
    ),
    Deviation(
        "CSR: proof of possession",
        "the signature is not checked by the built-in CA",
        "always checked",
        "nobody gets a certificate for another's key",
    ),
    Deviation(
        "CSR: DNS names and addresses",
        "any are signed",
        "names that do not follow from the service or node need `operator:write`",
        "otherwise `web` could be `bank.example`",
    ),
    Deviation(
        "CSR of an agent",
        "its trust domain is rewritten, its datacenter unchecked",
        "both must be ours",
        "the identity asked for is the identity signed",
    ),
    Deviation(
        "Leaf: key usage",
        "digitalSignature, keyEncipherment, dataEncipherment, keyAgreement",
        "digitalSignature",
        "a signature is all that TLS 1.3 asks of it; strict verifiers of SVIDs refuse the rest",
    ),
    Deviation(
        "Leaf: serial number",
        "a counter",
        "128 random bits",
        "a serial number must not be predictable (RFC 5280, CA/Browser Forum)",
    ),
    Deviation(
        "Leaf: key identifiers",
        "SHA-256 of the SubjectPublicKeyInfo",
        "RFC 5280 method 1; the AKI is copied from the signer",
        "mixing methods breaks chains between providers",
    ),
    Deviation(
        "Leaf: life",
        "may outlive its issuer",
        "clamped to every certificate above it",
        "a verifier refuses the rest anyway",
    ),
    Deviation(
        "Leaf: who signs",
        "the root itself, with the built-in provider",
        "a signer below the root",
        "the root's key is used a few times a year",
    ),
    Deviation(
        "Leaf endpoint: rights",
        "checked when signing; a cached leaf and its key go to any caller",
        "checked before the cache, on every request; entries belong to one caller",
        "a private key is the last thing to give away",
    ),
    Deviation(
        "Leaf endpoint: who may ask",
        "a token with `service:write`",
        "that; and, over the agent's unix socket, the users listed under `[agent.workloads]`; in"
        " `dev` everybody on loopback",
        "the kernel's word needs no secret",
    ),
    Deviation(
        "Leaf endpoint: expired leaf",
        "a plain read could return one",
        "never; 503 with the reason",
        "an expired leaf looks like an answer and is none",
    ),
    Deviation(
        "Leaf endpoint: renewal",
        "drawn anew at each look; past 90 % at once",
        "drawn once at issue, between 60 % and 90 % of the life; renewed without anybody asking",
        "a leaf nobody polls stays fresh, and a fleet does not renew in step",
    ),
    Deviation(
        "Blocking queries: `wait`",
        "ignored or uncapped where the agent's cache answers",
        "5 min by default, 10 min at most, 1/16 of jitter, everywhere",
        "one rule",
    ),
    Deviation(
        "Blocking queries: index from the future",
        "waits until the index is passed",
        "answered at once",
        "after a restore a watcher would wait for ever",
    ),
    Deviation(
        "Roots with `?pem`",
        "anchors, intermediates and inactive roots",
        "anchors only",
        "a trust store that holds intermediates trusts them",
    ),
    Deviation(
        "Configuration: secrets",
        "returned as they are",
        "`<hidden:ID>`",
        "reading a configuration must not give away a CA",
    ),
    Deviation(
        "Configuration: a hidden secret sent back",
        "stored as it is: the secret is lost",
        "put back, if the provider and every key of its own that is no secret are as they stand;"
        " otherwise 400 names the key to send again",
        "whoever may change an address must not learn a token by it",
    ),
    Deviation(
        "Configuration: changing it",
        "at once, without asking who knows the new root; 500 while another change runs",
        "an operation: prepared, rehearsed, distributed, acknowledged, active; 409 with the id of"
        " the one that is open; an agent that is missing is named, and waited for",
        "a root that signs before everybody knows it is an outage",
    ),
    Deviation(
        "Configuration: `ForceWithoutCrossSigning`",
        "needed where the old provider cannot cross-sign; stored, and given back",
        "taken and without effect; `ca-core ca apply --force` waits for nobody",
        "acknowledgements do what it was for, and a flag that is stored works again by accident",
    ),
    Deviation(
        "Configuration: keys of its own",
        "unknown ones are ignored; numbers for durations are nanoseconds; `SkipValidate` and"
        " `CSRMaxConcurrent` count",
        "unknown ones are refused with the nearest known one; durations have units; those two must"
        " be off; our spelling is taken too",
        "a key that is ignored is a setting that somebody believes in",
    ),
    Deviation(
        "Configuration: the same again",
        "`72h` and `72h0m0s` differ, and so does what `GET` gave",
        "no change, and nothing is written, also for what `GET` gave",
        "a program that repeats itself must not rotate a CA",
    ),
    Deviation(
        "Configuration: `ModifyIndex`",
        "compared only if the root stays",
        "compared whenever it is not 0; 409 if it is an old one",
        "two operators must not undo one another",
    ),
    *LEAF_DEVIATIONS,
    *INTENTION_DEVIATIONS,
    *ACL_DEVIATIONS,
    *TOKEN_DEVIATIONS,
    *AUTHORIZE_DEVIATIONS,
    *DISCOVERY_DEVIATIONS,
    *SERVICE_DEVIATIONS,
    *CACHE_DEVIATIONS,
    *CATALOG_DEVIATIONS,
    Deviation(
        "Errors",
        "plain text, most of them 500",
        "plain text, or a problem document (RFC 9457) if `Accept` names JSON; 400, 403, 404, 409,"
        " 429, 501, 502, 503, 504 by cause, with `Retry-After` where it helps",
        "a client must know whether to repeat, to correct or to give up",
    ),
    Deviation(
        "Signing limit",
        "first come, first served, burst of 1",
        "ordered by the expiry of the leaf being replaced, burst of a second's worth",
        "the leaf that dies first is signed first",
    ),
    Deviation(
        "Other datacenters, namespaces, partitions",
        "`?dc=`, `?ns=`, `?partition=` are forwarded, or ignored",
        "anything but our own gets 400",
        "an answer about another place than the one asked for misleads",
    ),
    Deviation(
        "JSON bodies",
        "unknown top-level fields are refused; of a repeated field the last counts",
        "unknown and repeated fields are refused at every depth; names are case-sensitive, except"
        " in intentions",
        "two readers of one body must not see two requests",
    ),
    Deviation(
        "Slow clients",
        "no limit on reading a request",
        "10 s for a head, 64 KiB; 30 s for a body, 1 MiB; a parked read ends with its client",
        "nobody holds a connection for nothing",
    ),
    Deviation(
        "Restored state",
        "indexes may run backwards unannounced",
        "`X-Ca-Core-Epoch` changes; indexes compare only inside one epoch",
        "a watcher can tell a reset from a change",
    ),
    Deviation(
        "Requests from web pages",
        "answered",
        "any `Origin`, and a `Host` that is not this listener's, get 400",
        "a page in a browser could otherwise read keys (DNS rebinding)",
    ),
    Deviation(
        "Plain HTTP",
        "on any address",
        "on loopback and unix sockets only",
        "answers hold private keys",
    ),
)
"""Every difference in what is served, grouped by what it is about."""

ABSENCES = (
    *INTENTION_ABSENCES,
    *ACL_ABSENCES,
    *AUTHORIZE_ABSENCES,
    *DISCOVERY_ABSENCES,
    *SERVICE_ABSENCES,
    *CACHE_ABSENCES,
    Absence("`/v1/status/peers`", "there is one server"),
    Absence(
        "`/v1/kv/…`, `/v1/session/…`, `/v1/txn`, `/v1/event/…`, `/v1/query/…`,"
        " `/v1/coordinate/…`, DNS",
        "not a part of this project",
    ),
    Absence(
        "`/v1/config/…`, `/v1/discovery-chain/…`, `/v1/peering…`, `/v1/operator/…`, xDS",
        "not a part of this project: it configures no proxy",
    ),
    Absence("`/v1/snapshot`", "`ca-core backup` and `ca-core restore`"),
)
"""What a client of Consul will miss."""
