"""The table of capabilities in a provider's README, for the operators who choose it."""

from collections.abc import Set as AbstractSet

from ca_core.contract import Capability

MEANINGS = {
    Capability.EXTERNAL_ISSUER: "its root can be signed by a CA outside, in a ceremony",
    Capability.SECONDARY: "signs in other datacenters, below the primary's root",
    Capability.SIGN_INTERMEDIATE: "signs the intermediates of other datacenters",
    Capability.CROSS_SIGN: "you can move away from it without an outage",
    Capability.CROSS_SIGN_NEEDS_CSR: "moving away needs a CSR by the new root",
    Capability.CROSS_SIGN_CSR: "can make that CSR when you move to it",
    Capability.REVOKE: "leaves can be revoked, and there is a CRL",
    Capability.TEMPLATE: "takes nothing but the public key from a CSR",
}
"""What each one is worth to an operator."""


def capability_table(declared: AbstractSet[Capability]) -> str:
    """Return a Markdown table with every capability there is, yes or no."""
    rows = (
        f"| `{one.name}` | {'yes' if one in declared else 'no'} | {MEANINGS[one]} |"
        for one in Capability
    )
    return "\n".join(("| capability | here | for operators |", "| --- | --- | --- |", *rows))
