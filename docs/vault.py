"""The tables of ``docs/vault.md``: options, names on the server, policies, the token's life."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from ca_provider_vault import credentials, lease, naming, remote, roles, tokens

from ca_core.authority.registry import Registry
from ca_core.cli.schema import option_rows
from ca_core.durations import format_duration
from docs.tables import table

POLICIES = Path(__file__).parents[1] / "docker/vault"

AUTH_METHOD: Mapping[str, str] = {
    "auth_method.type": "AuthMethod.Type",
    "auth_method.mount_path": "AuthMethod.MountPath",
    "auth_method.params": "AuthMethod.Params",
}
"""Keys of the one nested table, as Consul spells them."""

SHARED: Mapping[str, str] = {
    "LeafCertTTL": "ca.leaf_ttl",
    "IntermediateCertTTL": "ca.intermediate_ttl",
    "RootCertTTL": "ca.root_ttl",
    "PrivateKeyType": "ca.key_type",
    "PrivateKeyBits": "ca.key_bits",
    "CSRMaxPerSecond": "ca.csr_max_per_second",
}
"""Consul's keys that every provider shares → ours, which are no keys of the provider."""

PURPOSES: Mapping[str, str] = {
    "connect-root/root/generate/internal": "make a root, once per authority",
    "connect-root/root/generate/existing": "finish a root whose key alone was made before a crash",
    "connect-root/issuer/ca-core.*": "read our root, sign signers below it, delete it with its "
    "authority",
    "connect-root/key/ca-core.*": "delete the root's key with its authority",
    "connect-root/issuer/ISSUER": "read the root that the operator made",
    "connect-root/issuer/ISSUER/sign-intermediate": "sign signers, and other CAs' roots, below it",
    "connect-root/intermediate/cross-sign": "a CSR by the root's key, for another CA to cross-sign",
    "connect-intermediate/intermediate/generate/internal": "make a signer's key",
    "connect-intermediate/intermediate/generate/existing": "the CSR once more, after a lost answer",
    "connect-intermediate/intermediate/set-signed": "give a signer its certificate",
    "connect-intermediate/issuer/+": "name a new issuer, which has an id of the server's until "
    "then; delete one that was imported in vain",
    "connect-intermediate/issuer/ca-core.*": "sign leaves and lists of revocations; delete a "
    "retired signer",
    "connect-intermediate/key/ca-core.*": "delete a retired signer's key",
    "connect-intermediate/roles/ca-core.*": "the role that leaves are signed with",
    "connect-intermediate/revoke": "revoke a leaf",
    "connect-intermediate/crl/rotate": "have lists of revocations made anew before they expire",
    "auth/token/lookup-self": "learn how long the token lives",
    "auth/token/renew-self": "renew it",
    "sys/capabilities-self": "learn what the token may not do, before anything is changed",
    "sys/mounts/connect-root": "make the roots' mount where there is none",
    "sys/mounts/connect-intermediate": "make the signers' mount where there is none",
}
"""A path of a shipped policy → what it is for."""

_RULE = re.compile(
    r'^path "(?P<path>[^"]+)" \{ capabilities = \[(?P<may>[^\]]+)\] \}$', re.MULTILINE
)


def policy_names() -> tuple[str, ...]:
    """Return the names of the shipped policies, the widest first."""
    found = (path.stem.removeprefix("policy-") for path in POLICIES.glob("policy-*.hcl"))
    return tuple(sorted(found, key=lambda name: (-len(rules_of(name)), name)))


def rules_of(name: str) -> Mapping[str, str]:
    """Return path → capabilities of a shipped policy."""
    text = (POLICIES / f"policy-{name}.hcl").read_text()
    return {rule["path"]: rule["may"].replace('"', "") for rule in _RULE.finditer(text)}


def policies() -> str:
    """Return a table of every line of the shipped policies, and which one has it."""
    names = policy_names()
    files = {name: rules_of(name) for name in names}
    paths = dict.fromkeys(path for rules in files.values() for path in rules)
    return table(
        ("path", "capabilities", "for", *(f"`{name}`" for name in names)),
        (
            (
                f"`{path}`",
                next(rules[path] for rules in files.values() if path in rules),
                PURPOSES[path],
                *("yes" if path in files[name] else "" for name in names),
            )
            for path in paths
        ),
    )


def managed_policy() -> str:
    """Return the policy for mounts that we make, as it is shipped."""
    return f"```hcl\n{(POLICIES / 'policy-managed.hcl').read_text()}```\n"


def options() -> str:
    """Return every key of the provider, with Consul's spelling of it."""
    plugin = Registry().get("vault")
    spelled = {**plugin.consul_names, **AUTH_METHOD}
    return table(
        ("key", "type", "default", "meaning", "Consul's"),
        (
            (f"`{key}`", kind, f"`{default}`" if default else "", meaning, f"`{spelled[key]}`")
            for key, kind, default, meaning in option_rows(plugin.schema or {})
        ),
    )


def shared_keys() -> str:
    """Return where Consul's keys went that are no provider's."""
    return table(
        ("Consul's", "here"), ((f"`{theirs}`", f"`{ours}`") for theirs, ours in SHARED.items())
    )


def names() -> str:
    """Return what our objects are called on the server."""
    root, signer = naming.root_object("AUTHORITY"), naming.signer_object("AUTHORITY", "SIGNER")
    return table(
        ("object", "mount", "name", "how many"),
        (
            ("root: issuer and key", "`root_pki_path`", f"`{root}`", "one per authority"),
            (
                "signer: issuer and key",
                "`intermediate_pki_path`",
                f"`{signer}`",
                "one per signer that was not retired",
            ),
            (
                "role",
                "`intermediate_pki_path`",
                f"`{naming.leaf_role('AUTHORITY')}`",
                "one per authority",
            ),
        ),
    )


def role() -> str:
    """Return the role that leaves are signed with."""
    fields = roles.role_fields("TRUST-DOMAIN")  # type: ignore[arg-type] # a place-holder
    return table(("field", "value"), ((f"`{key}`", f"`{_text(fields[key])}`") for key in fields))


def token_numbers() -> str:
    """Return the numbers of a token's life."""
    return table(("what", "when"), _numbers())


def _numbers() -> Iterator[tuple[str, str]]:
    yield (
        "renewed, or replaced if it cannot be renewed",
        f"when {_fraction(lease.RENEW_AT)} of its life have passed",
    )
    yield "one login, look-up or renewal may take", _span(tokens.CALL)
    first, last = _span(lease.FIRST_PAUSE), _span(lease.LAST_PAUSE)
    twice = f"{first}, then twice as long each time, {last} at most; up to a fifth less, by chance"
    yield "tried again after a failure", twice
    yield (
        "a call that needs a token asks a server that was away again",
        (f"after {_span(lease.CALLERS_PAUSE)}, whatever the pause"),
    )
    yield "failures are logged", f"the first at once, then once every {_span(lease.LOG_EVERY)}"
    yield "`token_file` is looked at", f"every {_span(credentials._FILE_EVERY)}"  # noqa: SLF001 - documented here
    yield (
        "a login for a refusal (403), if the server still knows the token",
        (
            f"no more than once every {_span(credentials._SETTLED)}"  # noqa: SLF001 - documented here
        ),
    )
    yield "`max_lease_ttl` of a mount that is made", remote.LONGEST_LEASE
    yield "longest life of a leaf that the role allows", roles.LONGEST_LEAF


def _fraction(part: float) -> str:
    return str(Fraction(part).limit_denominator(10))


def _span(span: timedelta | float) -> str:
    return format_duration(span if isinstance(span, timedelta) else timedelta(seconds=span))


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
