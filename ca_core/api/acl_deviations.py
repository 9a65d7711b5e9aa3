"""Where tokens and policies knowingly differ from Consul's, and what of Consul's is not here."""

from ca_core.api.deviation import Absence, Deviation

ACL_DEVIATIONS = (
    Deviation(
        "Tokens: secrets",
        "stored as they are; shown to whoever may write; clients may choose them",
        "stored as SHA-256; shown once, in the answer that makes them, `<hidden>` afterwards; drawn"
        " here, and so are accessors",
        "a backup or a screen must not hold what opens everything; a secret is as good as its die",
    ),
    Deviation(
        "Tokens: bootstrap",
        "whoever comes first, from anywhere; a reset needs a file in the data folder",
        "from the server's own machine; `reset` needs its unix socket, as root or its own user",
        "a network must not decide who owns a cluster; the kernel knows who its operator is",
    ),
    Deviation(
        "Tokens: life",
        "1 minute to 24 hours, unless configured",
        "1 minute to 10 years, or without end",
        "a bound that is too near makes tokens that never end",
    ),
    Deviation(
        "Tokens: a policy that is deleted",
        "stays in tokens until they are read",
        "gives nothing from the same moment on, and is taken out of every token",
        "what a token shows is what it has",
    ),
    Deviation(
        "Policies: documents",
        "HCL and JSON; unknown words are left aside",
        "HCL, JSON and TOML; a word that is unknown, or about what is not here, gets 400",
        "a right that somebody believes to have given must exist",
    ),
    Deviation(
        "Auth methods: type `jwt`",
        "issuer and audiences may be left out; three leeways; keys from OIDC discovery too",
        "`BoundIssuer` and `BoundAudiences` are needed; `exp` is; one `ClockSkewLeeway` of at most"
        " 5 minutes; `JWKSFile`, `JWKSURL` (https, or loopback) or `JWTValidationPubKeys`",
        "a JWT that was made for somebody else must not count here",
    ),
    Deviation(
        "Auth methods: claims",
        "JSON pointers; numbers and booleans become text",
        "top-level claims; texts, and lists of texts",
        "what is compared is what was signed",
    ),
    Deviation(
        "Binding rules",
        "a filter language; `service`, `node`, `role`, `policy`, `templated-policy`",
        '`value.X == "y"`, `"y" in list.X`, `list.X contains "y"`, joined by `and`; `service` with'
        " `${value.X}`, `policy` by its own name; anything else gets 400 when it is written",
        "a condition that is not understood must not be accepted",
    ),
    Deviation(
        "Login",
        "the token lives as long as `MaxTokenTTL` says, or for ever; errors say why",
        "until its JWT ends, at most `MaxTokenTTL` (1 h by default, 24 h at most); one message"
        " whatever was wrong, the reason is in the server's log",
        "who guesses must learn nothing",
    ),
)
"""Every difference in tokens and policies."""

ACL_ABSENCES = (
    Absence(
        "`/v1/acl/role…`, `/v1/acl/templated-polic…`",
        "a token names its policies and identities itself",
    ),
    Absence(
        "`/v1/acl/replication`, `/v1/acl/oidc/…`, auth methods of other types than `jwt`",
        "there is one datacenter; a browser has no part in it",
    ),
    Absence(
        "`Local`, `Namespace`, `Partition` of tokens and policies; `?filter`",
        "refused with 400: what is not served must not be accepted",
    ),
)
"""What a client of Consul will miss in tokens and policies."""
