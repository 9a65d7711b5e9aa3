"""Where the agent's leaves knowingly differ from Consul's: who shares them, when they are renewed.

Tests of the same names hold what is the same: ``tests/unit/agent/test_leaves_as_consul.py``.
"""

from ca_core.api.deviation import Deviation

LEAF_DEVIATIONS = (
    Deviation(
        "Leaf endpoint: whose leaf it is",
        "one for each service and set of names, whoever asks",
        "one for each caller (user, token), service and set of names; the set counts, not its"
        " order, repetitions or case",
        "a key that one caller brought into memory is no help to another",
    ),
    Deviation(
        "Leaf endpoint: a replaced root or signer",
        "pollers get a new leaf at their next call, all at once; blocked calls within 30 s, drawn"
        " anew at each call; another signer below the same root is noticed at the next call",
        "every leaf of another signer is renewed once, at a moment drawn once, over a time that"
        " the server says; also where two signers have one key id",
        "a rotation is no herd, and is not missed by those who do not wait",
    ),
    Deviation(
        "Leaf endpoint: what is rate limited",
        "tried again at a random moment that moves with every call",
        "one try in each window of 30 s, less for lives under ten minutes",
        "as fast, with half of the requests and a third of their peak",
    ),
    Deviation(
        "Leaf endpoint: lives under ten minutes",
        "renewed at every call",
        "between 60 % and 90 % of the life, as any other",
        "a CA at its end must not be asked in a loop",
    ),
    Deviation(
        "Leaf endpoint: the watch on roots",
        "begins with the first caller that waits, and ends with the last",
        "lasts as long as the agent",
        "what has to be started again can be forgotten",
    ),
    Deviation(
        "Leaf endpoint: a restart of the agent",
        "forgets leaves and keys",
        "the same; with `agent.persist` they are kept, encrypted, and verified before they are"
        " answered",
        "a host that restarts while servers are away",
    ),
    Deviation(
        "Agent that stops",
        "drops the queries that wait",
        "answers them: 503, `Retry-After` of 1 to 5 s, `Connection: close`",
        "a client that is told does not guess",
    ),
)
"""Every difference in the agent's leaves, and in how it ends."""
