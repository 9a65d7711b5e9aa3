"""Where what an agent remembers knowingly differs from Consul's agent cache, and what is not here.

Tests that show such a difference have ``differs`` in their name.
"""

from ca_core.api.deviation import Absence, Deviation

CACHE_DEVIATIONS = (
    Deviation(
        "Agent's memory: owners",
        "an entry belongs to a token's secret; two tokens with the same rights hold two of them",
        "a leaf belongs to its caller; all else is held once, with a handle for each caller; rights"
        " come before it, rows are cut to the caller, and a token that ends takes its handles and"
        " the queries that wait along",
        "what is revoked must go at once, and no secret is a key",
    ),
    Deviation(
        "Agent's memory: refused",
        "after `ACL not found` the old value is answered for as long as anybody asks",
        "the value goes, who waits gets the refusal, and the next read asks anew",
        "a refusal is an answer",
    ),
    Deviation(
        "Agent's memory: `Age` after an outage",
        "0 once a query has waited for 31 s, though it has brought nothing yet",
        "grows until a server has answered; the first question after a failure is answered at once",
        "an age must not be a guess",
    ),
    Deviation(
        "Agent's memory: waiting in an outage",
        "a query that waits is answered with the error of the background's fetch",
        "it waits on, and gets what is known with its `Age` when its `wait` is over",
        "a client that is served need not know that a server restarts",
    ),
    Deviation(
        "Agent's memory: an index that is ahead",
        "waited for until it is passed, after a restore for a long time",
        "answered at once: it is of another epoch",
        "a reset must not look like silence",
    ),
    Deviation(
        "Agent's memory: another value under the same index",
        "readers who hold that index wait on",
        "they are answered, with an index that is one higher",
        "the same",
    ),
    Deviation(
        "Agent's memory: first reads",
        "wait for as long as `wait` says, without it for ever, and may then be answered `null`",
        "wait 10 s at most, then 503 with the reason",
        "nothing is no answer",
    ),
    Deviation(
        "Agent's memory: how often servers are asked",
        "a limit for each entry, `cache.entry_fetch_rate`, none by default",
        "answers that bring nothing slow the asking, and so do failures; a `Retry-After` counts for"
        " callers too, who get the last error meanwhile",
        "one question carries everything; there is little to limit",
    ),
    Deviation(
        "Agent's memory: size",
        "unlimited",
        "`agent.cache_bytes`: what was used longest ago goes first, never the roots, nor what"
        " somebody waits for",
        "names that local programs make up must not fill a host",
    ),
    Deviation(
        "`Cache-Control`",
        "without effect on what is kept fresh; `stale-if-error` has none at all",
        "works on roots, leaves, authorize, health and catalog of agents: `max-age` counts from the"
        " loss of contact, `must-revalidate` has a server asked, `stale-if-error` answers from"
        " memory if that fails; a valid leaf is never signed anew for it",
        "as Consul documents it",
    ),
    Deviation(
        "`?cached`, `?stale`, `?consistent` at agents",
        "choose between memory, any server and the leader",
        "memory is the rule, so the first two change nothing; `?consistent` is `must-revalidate`",
        "what is in memory is what the server has",
    ),
)
"""Every difference in the agent's memory."""

CACHE_ABSENCES = (
    Absence("`?pretty`", "accepted and without effect"),
    Absence(
        "`cache.entry_fetch_rate`, `cache.entry_fetch_max_burst`, `http_config.use_cache`",
        "agents answer from memory, and pace themselves",
    ),
)
"""What a client of Consul will miss around it."""
