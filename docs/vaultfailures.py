"""What each failure of a Vault server comes to, method by method: what the tests hold it to.

The tests cause every failure of these lists on a real server, call every method during it, and
compare what came with what stands here; ``docs.vaultfailurepage`` shows it.
"""

from collections.abc import Mapping
from typing import Any

from docs.vaultfailure import HEALTHY, TELLS, WORKS, Failure

_UNKNOWN = "OutcomeUnknownError"
_DENIED, _LIMITED, _FAILED = "PermissionDeniedError", "RateLimitedError", "ProviderError"
_CONFIG, _REQUEST = "ConfigError", "RequestError"

_SERVED: Mapping[str, Any] = {
    "writes": WORKS,
    "crl": WORKS,
    "probe": WORKS,
    "health": HEALTHY,
    "back": "never away",
}
_REFUSED: Mapping[str, Any] = {"writes": _DENIED, "crl": WORKS, "probe": TELLS}
_LOST: Mapping[str, Any] = {"writes": _UNKNOWN, "probe": _UNKNOWN}
_REPEATS = "repeats what may arrive twice (reads, deletions, installing, revoking), nothing else"
_BY_ID = "nothing; the core repeats the call with the same ids, and what was made is found by them"
_NEW_TOKEN = "put a new token into `token_file`"

ON_THE_SERVER: tuple[Failure, ...] = (
    Failure(
        id="sealed",
        name="The server is sealed",
        itself="keeps its token and its connections",
        operator="unseal it",
    ),
    Failure(
        id="killed",
        name="The server is down: killed, a power cut",
        itself="fails at once, without waiting for the deadline",
        operator="start it and unseal it",
    ),
    Failure(
        id="restarted-sealed",
        name="The server was killed and started, and nobody has unsealed it",
        itself="drops the dead connections and opens others",
        operator="unseal it",
    ),
    Failure(
        id="restarted",
        name="The server was killed, started and unsealed between two calls",
        itself="sees before a request that its connection is dead, and opens another",
        **_SERVED,
    ),
    Failure(
        id="policy-withdrawn",
        name="The token's policy was withdrawn",
        itself="asks the server at every call, so that no restart is needed",
        operator="give it back; `ca-core provider check --online` names what is missing",
        **_REFUSED,
    ),
    Failure(
        id="token-revoked",
        name="A given token was revoked",
        itself="says that the server does not know it, in the log, too; reads the file again",
        operator=_NEW_TOKEN,
        back="with the next call after that",
        **_REFUSED,
    ),
    Failure(
        id="token-expired",
        name="A given token has expired",
        itself="warns at two thirds of its life if it cannot renew it; then as above",
        operator=_NEW_TOKEN,
        back="with the next call after that",
        writes=_DENIED,
        crl=_DENIED,
        probe=TELLS,
    ),
    Failure(
        id="logins-revoked",
        name="The token of a login was revoked",
        itself="logs in again and repeats the call, which was refused and so had done nothing",
        **_SERVED,
    ),
    Failure(
        id="logins-expired",
        name="The token of a login has reached its maximum life",
        itself="has logged in again at two thirds of it",
        **_SERVED,
    ),
    Failure(
        id="root-mount-deleted",
        name="The root mount was deleted, with every root in it",
        writes=WORKS,
        crl=WORKS,
        probe=WORKS,
        but={
            "ensure_authority": _CONFIG,
            "prepare_signer": _FAILED,
            "sign_intermediate": _FAILED,
            "cross_sign": _FAILED,
            "cross_sign_csr": _FAILED,
        },
        itself="goes on signing leaves; makes the mount anew for a new root if it may",
        operator="restore a snapshot, or mount `pki` there again and rotate the root",
        back="2 s after that, with a new root",
    ),
    Failure(
        id="intermediate-mount-deleted",
        name="The intermediate mount was deleted, with every signer in it",
        writes=WORKS,
        crl=_DENIED,
        probe=WORKS,
        but={
            "sign_leaf": _FAILED,
            "revoke": _FAILED,
            "prepare_signer": _CONFIG,
            "intermediate_csr": _CONFIG,
            "install_intermediate": _FAILED,
        },
        itself="makes the mount anew for a new signer if it may",
        operator="restore a snapshot, or mount `pki` there again and renew the signer",
        back="2 s after that, with a new signer",
    ),
    Failure(
        id="clock-ahead",
        name="Our clock is an hour ahead of the server's",
        itself="gives certificates that end when our clock says, and began an hour earlier",
        operator="set the clock",
        **_SERVED,
    ),
    Failure(
        id="clock-behind",
        name="Our clock is an hour behind the server's",
        itself="signs; the guard then refuses what is not valid yet, and releases nothing of it",
        operator="set the clock",
        but={"install_intermediate": _REQUEST},
        **_SERVED | {"back": "at once"},
    ),
)
"""Failures of the server, its token, its mounts and the time."""

ON_THE_WAY: tuple[Failure, ...] = (
    Failure(
        id="500",
        name="500 for everything",
        itself="repeats nothing: the server saw it",
        operator="see the server's log",
    ),
    Failure(
        id="503",
        name="503 for everything: a load balancer without a server",
        itself="repeats nothing",
        operator="see why no server serves",
    ),
    Failure(
        id="502",
        name="502 or 504 of a proxy in between",
        itself="takes it for a lost answer: the server may have done it",
        operator=_BY_ID,
        **_LOST,
    ),
    Failure(
        id="429",
        name="429: a quota of the server's",
        writes=_LIMITED,
        crl=_LIMITED,
        probe=_LIMITED,
        itself="hands on what `Retry-After` says; the core waits so long",
        operator="raise the quota",
        back="at once",
    ),
    Failure(
        id="412",
        name="412: not replicated yet",
        itself="says that nothing was done",
        operator=_BY_ID,
    ),
    Failure(
        id="473",
        name="A standby answers (472, 473, a redirect)",
        itself="follows no redirect: it would carry the token elsewhere",
        operator="give the address of what leads to the active server",
    ),
    Failure(
        id="403",
        name="403 for everything from something else than the server",
        writes=_DENIED,
        crl=_DENIED,
        probe=TELLS,
        itself="asks the server whether it still knows the token, and keeps it if it does",
        operator="see what stands in between",
    ),
    Failure(
        id="404",
        name="404 for everything: the address is another service's",
        writes=_FAILED,
        crl=_FAILED,
        probe=_FAILED,
        itself="takes nothing that is missing for a reason to make anything",
        operator="correct `address`",
    ),
    Failure(
        id="reset",
        name="The connection is cut before the server sees the request",
        itself=_REPEATS,
        operator=_BY_ID,
        **_LOST,
    ),
    Failure(
        id="lost",
        name="The server did it, and the answer is lost",
        itself=_REPEATS,
        operator=_BY_ID,
        **_LOST,
    ),
    Failure(
        id="hang",
        name="Nothing answers",
        itself="gives up at the deadline of the call; `health` after 10 s",
        operator=_BY_ID,
        **_LOST,
    ),
    Failure(
        id="late",
        name="The server does it after the deadline of the call",
        itself="gives up at the deadline; what is made late is found by its id",
        operator=_BY_ID,
        **_LOST | {"health": HEALTHY},
    ),
    Failure(
        id="slow",
        name="The server is slow, and within the deadline",
        itself="waits",
        **_SERVED,
    ),
    Failure(
        id="garbage",
        name="Something else answers 200: a captive portal",
        writes=_UNKNOWN,
        crl=_FAILED,
        probe=_UNKNOWN,
        itself="believes no answer that is not the server's JSON",
        operator="see what stands in between",
    ),
    Failure(
        id="truncated",
        name="Certificates are cut in the middle",
        writes=_FAILED,
        crl=_FAILED,
        probe=WORKS,
        health=HEALTHY,
        but={
            "ensure_authority": WORKS,
            "install_intermediate": WORKS,
            "revoke": WORKS,
            "retire_signer": WORKS,
            "retire": WORKS,
        },
        itself="believes no certificate, CSR or CRL that it cannot parse",
        operator=_BY_ID,
    ),
)
"""Faults between the provider and the server, made by the fault proxy for every request."""
