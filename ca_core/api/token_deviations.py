"""Where the use of tokens knowingly differs from Consul's: where they stand, when they end."""

from ca_core.api.deviation import Deviation

TOKEN_DEVIATIONS = (
    Deviation(
        "Tokens: `?token=`",
        "accepted, with a warning",
        "400, which names the headers; not looked at on routes that need no right",
        "URLs are kept in logs and histories",
    ),
    Deviation(
        "Tokens: two in one request",
        "the first `X-Consul-Token` counts",
        "two that differ get 400, which names the header",
        "whoever stands on the way could add one; neither side may be fooled about who calls",
    ),
    Deviation(
        "Agents: requests that servers answer",
        "passed on to a server",
        "404, which says where to ask; discovery is answered from memory",
        "an agent speaks to servers for itself: it lends its identity to nobody",
    ),
    Deviation(
        "Tokens: revocation at agents",
        "seen after up to 30 s; never while no server answers, by default",
        "seen at once; blocked requests of that token are told; without a server after an hour at"
        " most, when its grant ends",
        "who revokes a token means now",
    ),
    Deviation(
        "Tokens: one that no server can be asked about",
        "has what the default policy gives",
        "503",
        "an outage must not give rights",
    ),
    Deviation(
        "Tokens: none sent",
        "the agent's default token, else the anonymous one",
        "so for callers over TCP; users of the agent's unix socket have what `[agent.workloads]`"
        " lists for them too",
        "the kernel's word needs no secret",
    ),
    Deviation(
        "Default policy `allow`",
        "a caller without a token may do everything but manage tokens",
        "the same; `dev` without a word about it lets everybody do everything, but an unknown token"
        " is still refused",
        "a typo in a token is found in development",
    ),
)
"""Every difference in the use of tokens."""
