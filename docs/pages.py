"""Which pages there are, and what in them is written by the code."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docs import (
    authorization,
    checks,
    consul,
    contract,
    examples,
    guard,
    incidentpage,
    lifecycle,
    operations,
    options,
    pyconsul,
    reports,
    toolbox,
    vault,
    vaultfailurepage,
    vaultlogins,
)
from docs.tables import with_regions

ROOT = Path(__file__).parents[1]

REGIONS: Mapping[str, Callable[[], str]] = {
    "methods": contract.methods,
    "requests": contract.requests,
    "answers": contract.answers,
    "capabilities": contract.capabilities,
    "hooks": contract.hooks,
    "events": contract.events,
    "errors": contract.errors,
    "values": toolbox.values,
    "toolbox": toolbox.toolbox,
    "testing-names": toolbox.testing_names,
    "checks": checks.checks,
    "levels": checks.levels,
    "outcomes": checks.outcomes,
    "subject-fields": options.subject_fields,
    "example-provider": examples.example_provider,
    "chaos-options": options.chaos_options,
    "builtin-report": reports.builtin_report,
    "builtin-options": options.builtin_options,
    "incidents": incidentpage.incidents,
    "configuration": operations.configuration,
    "guard-rules": guard.rules,
    "operation-kinds": lifecycle.operation_kinds,
    "operation-phases": lifecycle.operation_phases,
    "authority-phases": lifecycle.authority_phases,
    "rotation-settings": lifecycle.rotation_settings,
    "exit-codes": operations.exit_codes,
    "json-answers": operations.json_answers,
    "authorize-settings": authorization.authorize_settings,
    "policy-words": authorization.policy_words,
    "precedences": authorization.precedences,
    "reasons": authorization.reasons,
    "py-consul-calls": pyconsul.calls,
    "py-consul-refused": pyconsul.refused,
    "same-and-corrected": consul.same_and_corrected,
    "ours": consul.ours,
    "deviations": consul.deviations,
    "absences": consul.absences,
    "vault-auth-methods": vaultlogins.auth_methods,
    "vault-failures": vaultfailurepage.failures,
    "vault-names": vault.names,
    "vault-options": vault.options,
    "vault-policies": vault.policies,
    "vault-policy": vault.managed_policy,
    "vault-role": vault.role,
    "vault-shared-keys": vault.shared_keys,
    "vault-token-numbers": vault.token_numbers,
}
"""The name between ``<!-- begin: … -->`` and ``<!-- end: … -->`` → who writes what is between."""


def pages() -> Iterator[Path]:
    """Return every page a reader sees, decisions included."""
    yield from (ROOT / name for name in ("README.md", "SECURITY.md", "plugins.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def with_reference(page: str) -> str:
    """Return the page with what the code writes in it brought up to date."""
    return with_regions(page, REGIONS)
