"""Every commit by which somebody leaves: what it takes along, and which races it loses."""

import pytest

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATIONS,
    CROSSES,
    PENDING,
    SIGNERS,
    PendingRow,
    Phase,
)
from ca_core.contract import ConfigError, KeySpec, KeyType, claim_ca
from ca_core.errors import ConflictError
from ca_core.lifecycle import commits, leavings
from ca_core.lifecycle.rows import (
    LEFTOVERS,
    LeftoverRow,
    OperationPhase,
    leftovers,
)
from ca_core.state.protocol import MAX_CHANGES
from ca_core.state.providerstate import StoredProviderState
from ca_core.testing import provider_context
from tests.unit.lifecycle.tables import (
    HOUR,
    NEW,
    NOW,
    OLD,
    authority,
    phase_of,
    signer,
)
from tests.unit.providers.authorities import own_root

LATER = NOW + HOUR


def test_a_retired_authority_is_out_of_the_bundle_and_to_be_removed(table):
    """Its rows stay until its backend has let go of it."""
    table.write(AUTHORITIES, OLD.authority, authority(OLD.authority, Phase.DRAINING))
    table.commit(leavings.retired(table.view, OLD.authority, LATER, table.fence))
    assert phase_of(table, OLD.authority) is Phase.RETIRED
    assert leftovers(table.view)[0].configuration == "config-1"


@pytest.mark.parametrize("key", [OLD.authority, f"{OLD.authority}/{OLD.signer}"])
def test_nobody_leaves_while_a_leaf_is_being_released(table, key):
    """A ceiling that is raised in the same moment keeps the authority, and the signer."""
    authority_leaves = leavings.retired(table.view, OLD.authority, LATER, table.fence)
    row = signer(OLD.signer, OLD.authority)
    signer_leaves = leavings.signer_retired(table.view, row, "config-1", LATER, table.fence)
    table.ceiling(key, LATER + HOUR)
    for transaction in (authority_leaves, signer_leaves):
        with pytest.raises(ConflictError):
            table.commit(transaction)


def left_of(table, name="ca-gone", config="config-1"):
    """Write a retired authority and what its backend is to remove; return the latter."""
    table.write(AUTHORITIES, name, authority(name, Phase.RETIRED, config))
    left = LeftoverRow(authority=name, configuration=config, since=NOW)
    table.write(LEFTOVERS, left.key, left)
    return left


def test_what_was_swept_leaves_no_row_behind(table):
    """Signers, ceilings, crosses, promises of the backend, and leftovers of its signers go too."""
    table.coming(Phase.RETIRED)
    left = left_of(table, NEW.authority, "config-2")
    below = LeftoverRow(
        authority=NEW.authority, configuration="config-2", signer="signer-x", since=NOW
    )
    table.write(LEFTOVERS, below.key, below)
    table.ceiling(f"{NEW.authority}/{NEW.signer}", LATER)
    promise = PendingRow(token="t", since=NOW)
    for name in (f"{NEW.authority}.ensure", f"{NEW.signer}.prepare", "ca-other.ensure"):
        table.write(PENDING, name, promise)
    table.commit(leavings.swept(table.view, left, table.fence))
    rows = {
        name
        for name in (AUTHORITIES, SIGNERS, CROSSES, CEILINGS, LEFTOVERS, CONFIGURATIONS)
        for key in table.view.table(name)
        if NEW.authority in key or NEW.signer in key or key == "config-2"
    }
    assert rows == set()
    assert set(table.view.table(PENDING)) == {"ca-other.ensure"}


def test_a_ca_whose_authority_is_forgotten_can_be_adopted_again(table):
    """A provider that was given up released nothing; other authorities keep their CAs."""
    certificate, other = own_root().certificate, own_root(KeySpec(KeyType.EC, 384)).certificate

    def claim(certificate, name):
        state = StoredProviderState(table.store, "builtin")
        claim_ca(certificate, provider_context(name, state=state), where="ca.config")

    left = left_of(table)
    claim(certificate, "ca-gone")
    claim(other, OLD.authority)
    with pytest.raises(ConfigError):
        claim(certificate, NEW.authority)
    table.commit(leavings.swept(table.view, left, table.fence))
    claim(certificate, NEW.authority)
    with pytest.raises(ConfigError):
        claim(other, NEW.authority)


def test_an_authority_with_more_rows_than_a_commit_holds_is_forgotten_in_several(table):
    """Each takes some; the last one takes what made it be looked at."""
    left = left_of(table)
    for number in range(MAX_CHANGES + 50):
        table.ceiling(f"ca-gone/signer-{number}", LATER)
    for _ in range(10):
        if table.has(LEFTOVERS, left.key):
            table.commit(leavings.swept(table.view, left, table.fence))
    assert not table.has(LEFTOVERS, left.key)
    assert not table.has(AUTHORITIES, "ca-gone")
    assert not table.view.table(CEILINGS)


def test_an_authority_with_many_signers_is_aborted_and_retired_in_one_commit_each(table):
    """However many rows it has, it leaves the bundle at once."""
    table.coming(Phase.TRUSTED)
    for number in range(MAX_CHANGES + 50):
        table.write(SIGNERS, f"s-{number}", signer(f"s-{number}", NEW.authority))
    table.commit(leavings.retired(table.view, NEW.authority, NOW, table.fence))
    table.coming(Phase.TRUSTED)
    table.write(LEFTOVERS, NEW.authority, None)
    row = table.operation(phase=OperationPhase.DISTRIBUTED)
    table.commit(commits.ended(table.view, row, OperationPhase.ABORTED, NOW, None, reason="no"))
    assert not table.has(AUTHORITIES, NEW.authority)


def test_why_something_cannot_be_removed_is_noted_once(table):
    """Until it is gone."""
    left = left_of(table)
    table.commit(leavings.left(table.view, left, "denied"))
    assert leftovers(table.view)[0].error == "denied"
    assert leavings.left(table.view, leftovers(table.view)[0], "denied") is None
    table.commit(leavings.swept(table.view, left, table.fence))
    assert leavings.left(table.view, left, "denied") is None


def test_the_promises_of_a_backend_go_with_what_was_never_made(table):
    """An operation was aborted while the backend was still making its signer."""
    promise = PendingRow(token="t", since=NOW)
    row = table.operation()
    names = f"{NEW.authority}.ensure", f"{NEW.signer}.prepare", f"{OLD.signer}.prepare"
    for name in names:
        table.write(PENDING, name, promise)
    table.commit(commits.ended(table.view, row, OperationPhase.ABORTED, LATER, None, reason="no"))
    assert set(table.view.table(PENDING)) == {names[2]}
    table.write(PENDING, names[1], promise)  # by the call that was under way
    (left,) = leftovers(table.view)
    table.commit(leavings.swept(table.view, left, table.fence))
    assert set(table.view.table(PENDING)) == {names[2]}
    signer_left = LeftoverRow(
        authority=OLD.authority, configuration="config-1", signer=OLD.signer, since=NOW
    )
    table.write(LEFTOVERS, signer_left.key, signer_left)
    table.commit(leavings.swept(table.view, signer_left, table.fence))
    assert not table.view.table(PENDING)
