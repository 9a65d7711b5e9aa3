"""The routes of tokens, policies, auth methods and binding rules: who may what."""

from functools import partial

from ca_core.api import (
    acl_login_handlers,
    acl_method_handlers,
    acl_policy_handlers,
    acl_token_handlers,
)
from ca_core.api.route import Parameter, Room, Route, Standing
from ca_core.wire.acl import (
    BootstrapRequest,
    PolicyAnswer,
    PolicyRequest,
    TokenAnswer,
    TokenRequest,
)
from ca_core.wire.aclmethods import (
    AuthMethodAnswer,
    AuthMethodRequest,
    BindingRuleAnswer,
    BindingRuleRequest,
    LoginRequest,
)

_TOKEN = "/v1/acl/token/{accessor}"  # noqa: S105 - a path
_POLICY = "/v1/acl/policy/{id}"
_METHOD = "/v1/acl/auth-method/{name}"
_RULE = "/v1/acl/binding-rule/{id}"

_HIDDEN = "`SecretID` is `<hidden>` (Consul shows it to whoever may write)"
_DOCUMENT = "`Rules` in HCL, JSON or TOML; words about what is not here get 400"
_JWT = "type `jwt` alone, with an issuer and audiences; `JWKSFile` is ours"
_SUBSET = "`Selector` is a part of Consul's language, `BindType` `service` or `policy`"

_same = partial(Route, room=Room.SERVER, standing=Standing.SAME)
_corrected = partial(Route, room=Room.SERVER, standing=Standing.CORRECTED)

_TOKEN_ROUTES = (
    _corrected(
        method="PUT",
        path="/v1/acl/bootstrap",
        handler=acl_token_handlers.bootstrap,
        open=True,
        note="from the server's own machine; no `BootstrapSecret`; `reset` for its operator",
        parameters=(Parameter("reset", "true: again, for who operates the server's machine"),),
        accepts=BootstrapRequest,
        answers=TokenAnswer,
    ),
    _corrected(
        method="PUT",
        path="/v1/acl/token",
        handler=acl_token_handlers.create,
        note="both ids are drawn here; roles, templated policies and local tokens get 400",
        accepts=TokenRequest,
        answers=TokenAnswer,
    ),
    _corrected(
        method="GET",
        path="/v1/acl/token/self",
        handler=acl_token_handlers.read_self,
        note=_HIDDEN,
        answers=TokenAnswer,
    ),
    _corrected(
        method="GET",
        path=_TOKEN,
        handler=acl_token_handlers.read,
        note=_HIDDEN,
        answers=TokenAnswer,
    ),
    _corrected(
        method="PUT",
        path=_TOKEN,
        handler=acl_token_handlers.update,
        note=_HIDDEN,
        accepts=TokenRequest,
        answers=TokenAnswer,
    ),
    _same(method="DELETE", path=_TOKEN, handler=acl_token_handlers.delete, answers=bool),
    _corrected(
        method="PUT",
        path=f"{_TOKEN}/clone",
        handler=acl_token_handlers.clone,
        note="the clone ends with its original; tokens of logins are not cloned",
        accepts=TokenRequest,
        answers=TokenAnswer,
    ),
    _corrected(
        method="GET",
        path="/v1/acl/tokens",
        handler=acl_token_handlers.listed,
        note=_HIDDEN,
        parameters=(
            Parameter("policy", "those that hold the policy of this id"),
            Parameter("authmethod", "those that logins of this auth method made"),
            Parameter("servicename", "those with the identity of this service"),
        ),
        answers=list[TokenAnswer],
    ),
)

_POLICY_ROUTES = (
    _corrected(
        method="PUT",
        path="/v1/acl/policy",
        handler=acl_policy_handlers.create,
        note=_DOCUMENT,
        accepts=PolicyRequest,
        answers=PolicyAnswer,
    ),
    _same(
        method="GET",
        path="/v1/acl/policy/name/{name}",
        handler=acl_policy_handlers.read_by_name,
        answers=PolicyAnswer,
    ),
    _same(method="GET", path=_POLICY, handler=acl_policy_handlers.read, answers=PolicyAnswer),
    _corrected(
        method="PUT",
        path=_POLICY,
        handler=acl_policy_handlers.update,
        note=_DOCUMENT,
        accepts=PolicyRequest,
        answers=PolicyAnswer,
    ),
    _same(method="DELETE", path=_POLICY, handler=acl_policy_handlers.delete, answers=bool),
    _same(
        method="GET",
        path="/v1/acl/policies",
        handler=acl_policy_handlers.listed,
        answers=list[PolicyAnswer],
    ),
)

_LOGIN_ROUTES = (
    _corrected(
        method="POST",
        path="/v1/acl/login",
        handler=acl_login_handlers.login,
        open=True,
        note="the token ends with its JWT at the latest; 403 says no reason, the log does",
        accepts=LoginRequest,
        answers=TokenAnswer,
    ),
    _same(method="POST", path="/v1/acl/logout", handler=acl_login_handlers.logout, answers=bool),
)

_METHOD_ROUTES = (
    _corrected(
        method="PUT",
        path="/v1/acl/auth-method",
        handler=acl_method_handlers.create_method,
        note=_JWT,
        accepts=AuthMethodRequest,
        answers=AuthMethodAnswer,
    ),
    _same(
        method="GET",
        path=_METHOD,
        handler=acl_method_handlers.read_method,
        answers=AuthMethodAnswer,
    ),
    _corrected(
        method="PUT",
        path=_METHOD,
        handler=acl_method_handlers.update_method,
        note=_JWT,
        accepts=AuthMethodRequest,
        answers=AuthMethodAnswer,
    ),
    _same(method="DELETE", path=_METHOD, handler=acl_method_handlers.delete_method, answers=bool),
    _same(
        method="GET",
        path="/v1/acl/auth-methods",
        handler=acl_method_handlers.list_methods,
        answers=list[AuthMethodAnswer],
    ),
    _corrected(
        method="PUT",
        path="/v1/acl/binding-rule",
        handler=acl_method_handlers.create_rule,
        note=_SUBSET,
        accepts=BindingRuleRequest,
        answers=BindingRuleAnswer,
    ),
    _same(
        method="GET", path=_RULE, handler=acl_method_handlers.read_rule, answers=BindingRuleAnswer
    ),
    _corrected(
        method="PUT",
        path=_RULE,
        handler=acl_method_handlers.update_rule,
        note=_SUBSET,
        accepts=BindingRuleRequest,
        answers=BindingRuleAnswer,
    ),
    _same(method="DELETE", path=_RULE, handler=acl_method_handlers.delete_rule, answers=bool),
    _same(
        method="GET",
        path="/v1/acl/binding-rules",
        handler=acl_method_handlers.list_rules,
        parameters=(Parameter("authmethod", "those of this auth method"),),
        answers=list[BindingRuleAnswer],
    ),
)

ACL_ROUTES = (*_TOKEN_ROUTES, *_POLICY_ROUTES, *_LOGIN_ROUTES, *_METHOD_ROUTES)
"""Everything below ``/v1/acl``."""
