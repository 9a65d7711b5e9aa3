"""What ``--output json`` prints of tokens, policies, auth methods and binding rules."""

from ca_core.cli.jsonanswer import CONSULS, JsonAnswer

_POLICY = JsonAnswer(
    "object",
    ("ID", "Name", "Description", "Rules", "Hash", "CreateIndex", "ModifyIndex"),
    CONSULS,
)

_METHOD = JsonAnswer(
    "object",
    (
        *("Name", "Type", "DisplayName", "Description", "MaxTokenTTL", "TokenLocality", "Config"),
        *("CreateIndex", "ModifyIndex"),
    ),
    CONSULS,
)
_RULE = JsonAnswer(
    "object",
    (
        *("ID", "Description", "AuthMethod", "Selector", "BindType", "BindName"),
        *("CreateIndex", "ModifyIndex"),
    ),
    CONSULS,
)

_TOKEN_KEYS = (
    *("AccessorID", "SecretID", "Description", "Local", "Hash", "CreateIndex", "ModifyIndex"),
)
_WHERE_IT_HAS_THEM = (
    "where it has them `Policies`, `ServiceIdentities`, `NodeIdentities`, `AuthMethod`,"
    " `CreateTime`, `ExpirationTime`"
)
_TOKEN = JsonAnswer(
    "object", _TOKEN_KEYS, f"{CONSULS}; `SecretID` is `<hidden>`; {_WHERE_IT_HAS_THEM}"
)
_TOKEN_MADE = JsonAnswer(
    "object",
    _TOKEN_KEYS,
    f"{CONSULS}; `SecretID` this once, `<hidden>` with `--secret-file`; {_WHERE_IT_HAS_THEM}",
)

ACL_ANSWERS = {
    "policy check": JsonAnswer(
        "object", (), "the document as JSON: `service`, `node` … as far as it says something"
    ),
    "policy create": _POLICY,
    "policy delete": JsonAnswer("object", ("ID", "Name", "Deleted")),
    "policy list": JsonAnswer("list", tuple(k for k in _POLICY.keys if k != "Rules"), CONSULS),
    "policy read": _POLICY,
    "policy update": _POLICY,
    "token bootstrap": _TOKEN_MADE,
    "token create": _TOKEN_MADE,
    "token delete": JsonAnswer("object", ("AccessorID", "Deleted")),
    "token list": JsonAnswer("list", _TOKEN.keys, _TOKEN.note),
    "token login": _TOKEN_MADE,
    "token method create": _METHOD,
    "token method delete": JsonAnswer("object", ("Name", "Deleted")),
    "token method list": JsonAnswer(
        "list", tuple(k for k in _METHOD.keys if k != "Config"), CONSULS
    ),
    "token method read": _METHOD,
    "token read": _TOKEN,
    "token rule create": _RULE,
    "token rule delete": JsonAnswer("object", ("ID", "Deleted")),
    "token rule list": JsonAnswer("list", _RULE.keys, CONSULS),
    "token rule read": _RULE,
    "token self": _TOKEN,
    "token update": _TOKEN,
    "token join": JsonAnswer("object", ("ID", "Node", "Token", "ExpiresAt")),
}
"""By command."""
