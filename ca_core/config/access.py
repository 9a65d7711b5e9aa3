"""Who may do what: the sections ``[acl]`` and ``[authorize]``."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

DefaultPolicyName = Literal["allow", "deny"]


class ACLConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[acl]``: what holds where no rule and no intention decides, and who vouches."""

    default_policy: Annotated[
        DefaultPolicyName | None,
        Meta(description="Where no rule decides. Default: deny; `dev`: everybody may everything."),
    ] = None
    default_intention_policy: Annotated[
        Literal["", "allow", "deny"],
        Meta(description="Where no intention matches. Default: default_policy."),
    ] = ""
    agents_sign: Annotated[
        Literal["any", "granted"],
        Meta(
            description="any: an agent vouches for its local users; granted: it has leaves signed "
            "only for holders of tokens with service:write."
        ),
    ] = "any"


class AuthorizeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[authorize]``: what the agent's authorizer looks at, and which decisions it logs."""

    foreign_trust_domains: Annotated[
        Literal["deny", "allow"],
        Meta(description="Clients of other trust domains; allow: intentions decide by their name."),
    ] = "deny"
    check_datacenter: Annotated[
        bool, Meta(description="Deny clients of other datacenters, whatever intentions say.")
    ] = False
    check_serial: Annotated[
        bool,
        Meta(
            description="Deny callers that tell no ClientCertSerial, or another one than that of"
            " the ClientCert they send."
        ),
    ] = False
    log: Annotated[
        Literal["denied", "all", "none"], Meta(description="Which decisions are logged.")
    ] = "denied"
    log_sample: Annotated[
        float, Meta(description="Share of them that is logged, 0 to 1; at most 100 a second.")
    ] = 1.0
