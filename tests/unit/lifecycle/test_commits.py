"""Every commit of an operation: what it writes, and which races it loses."""

from datetime import timedelta

import pytest

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CONFIGURATIONS,
    CROSSES,
    CURRENT,
    ROOTS_TOPIC,
    SIGNERS,
    AuthorityRow,
    ConfigurationRow,
    CrossRow,
    CurrentRow,
    Phase,
    SignerRow,
    read,
)
from ca_core.errors import ConflictError, RequestError
from ca_core.lifecycle import commits, leavings
from ca_core.lifecycle.commits import Made
from ca_core.lifecycle.history import KEPT_OPERATIONS
from ca_core.lifecycle.rows import (
    CHANGE,
    LEFTOVERS,
    OPERATIONS,
    Ends,
    Kind,
    LeftoverRow,
    OperationPhase,
    leftovers,
    open_operation,
    operation,
)
from ca_core.state.lease import Lease
from ca_core.state.secrets import SECRETS
from tests.unit.lifecycle.tables import (
    HOUR,
    NEW,
    NOW,
    OLD,
    PEM,
    authority,
    configuration,
    operation_row,
    phase_of,
    signer,
)

LATER = NOW + HOUR


def active(table, kind=Kind.SWAP, new=NEW):
    """Bring an operation to its end; return it as it stands."""
    row = table.operation(kind=kind, phase=OperationPhase.PREPARED, new=new)
    table.commit(commits.activated(table.view, row, LATER, table.fence))
    return operation(table.view, row.id)


def test_an_operation_takes_the_slot_with_its_configuration(table):
    """One commit: the operation, the slot, the configuration."""
    row = operation_row()
    table.commit(commits.begun(table.view, row, configuration("config-2"), "config-1"))
    assert open_operation(table.view) == row
    assert table.has(CONFIGURATIONS, "config-2")


def test_a_second_operation_is_refused_with_the_name_of_the_first(table):
    """There is one change slot."""
    table.operation()
    with pytest.raises(ConflictError, match="op-1"):
        commits.begun(table.view, operation_row(name="op-2"), None)


def test_of_two_operations_that_begin_at_once_one_loses(table):
    """Both were decided on the same view."""
    view = table.view
    first = commits.begun(view, operation_row(), None)
    second = commits.begun(view, operation_row(name="op-2"), None)
    table.commit(first)
    with pytest.raises(ConflictError):
        table.commit(second)


def test_an_operation_that_was_decided_before_another_became_active_does_not_begin(table):
    """The slot is free again, but another one signs: it would begin where nothing is."""
    late = operation_row(name="op-2", new=Ends(authority="ca-3", signer="s-3", configuration="c"))
    transaction = commits.begun(table.view, late, None)
    table.coming(Phase.TRUSTED)
    active(table)
    with pytest.raises(ConflictError):
        table.commit(transaction)
    with pytest.raises(ConflictError, match="another one signs"):
        commits.begun(table.view, late, None)


def test_old_operations_are_forgotten_and_open_ones_never(table):
    """So many stay on record."""
    for number in range(KEPT_OPERATIONS + 3):
        table.operation(name=f"op-{number:03}", phase=OperationPhase.ABORTED)
    table.commit(commits.begun(table.view, operation_row(name="op-new"), None))
    assert len(table.view.table(OPERATIONS)) == KEPT_OPERATIONS + 1
    assert open_operation(table.view).id == "op-new"


def test_a_change_that_was_compared_with_another_configuration_does_not_begin(table):
    """Neither one that stood before, nor one that is replaced in the same moment."""
    coming = configuration("config-2")
    with pytest.raises(ConflictError, match="another configuration"):
        commits.begun(table.view, operation_row(), coming, "config-0")
    transaction = commits.begun(table.view, operation_row(), coming, "config-1")
    table.write(CONFIGURATION, "ca", configuration("config-3"))
    with pytest.raises(ConflictError):
        table.commit(transaction)


def test_a_configuration_that_nothing_leads_back_to_goes_with_its_own_secrets_alone(table):
    """Secrets that another configuration names, and those of providers, stay."""
    own = "configuration/token/1", "configuration/key/2", "configuration/token/3"
    for name in (*own, "authority/ca-old/root"):
        table.write(SECRETS, f"_core/{name}", b"sealed")
    table.write(SECRETS, "builtin/configuration/token/1", b"sealed")
    table.write(CONFIGURATIONS, "config-0", configuration("config-0", own[0], own[1]))
    coming = configuration("config-2", own[0])
    table.commit(commits.begun(table.view, operation_row(), coming, "config-1"))
    assert not table.has(CONFIGURATIONS, "config-0")
    assert set(table.view.table(SECRETS)) == {
        f"_core/{own[0]}",
        "_core/authority/ca-old/root",
        "builtin/configuration/token/1",
    }


def test_a_configuration_whose_secret_is_being_forgotten_does_not_begin(table):
    """A secret was set aside again while an older configuration that named it was forgotten."""
    place = "configuration/token/1"
    coming = configuration("config-2", place)
    table.write(SECRETS, f"_core/{place}", b"sealed")
    transaction = commits.begun(table.view, operation_row(), coming, "config-1")
    table.write(SECRETS, f"_core/{place}", None)
    with pytest.raises(ConflictError):
        table.commit(transaction)
    with pytest.raises(ConflictError, match="secret"):
        commits.begun(table.view, operation_row(), coming, "config-1")


def test_the_way_back_keeps_its_configuration(table):
    """While a rollback is possible, what would stand again is kept, with its secrets."""
    new = Ends(authority=OLD.authority, signer=OLD.signer, configuration="config-2")
    table.write(CONFIGURATIONS, "config-2", configuration("config-2"))
    row = active(table, Kind.SETTINGS, new)
    gone = authority("ca-gone", Phase.RETIRED, "config-1")
    table.write(AUTHORITIES, gone.id, gone)
    left = LeftoverRow(authority=gone.id, configuration="config-1", since=NOW)
    table.write(LEFTOVERS, left.key, left)
    table.commit(leavings.swept(table.view, left, table.fence))
    assert not table.has(AUTHORITIES, gone.id)
    table.commit(commits.rolled_back(table.view, row, LATER))
    assert read(table.view, ConfigurationRow, CONFIGURATION, "ca").id == "config-1"


def test_what_was_made_is_kept_and_nobody_trusts_it(table):
    """Authority, signer and cross-certificate are on record, in no bundle."""
    row = table.operation()
    made = Made(
        authority=authority(NEW.authority, Phase.PREPARED),
        signer=signer(NEW.signer, NEW.authority),
        crosses=(CrossRow(new=NEW.authority, old=OLD.authority, certificate=PEM),),
    )
    table.commit(commits.prepared(table.view, row, made, LATER, table.fence))
    assert phase_of(table, NEW.authority) is Phase.PREPARED
    assert open_operation(table.view).crossed
    assert table.has(SIGNERS, NEW.signer)
    assert table.has(CROSSES, "ca-new.ca-old")


def test_a_step_that_comes_after_the_end_changes_nothing(table):
    """The operation was aborted while a provider worked for it."""
    row = table.operation()
    table.commit(commits.ended(table.view, row, OperationPhase.ABORTED, LATER, None, reason="no"))
    with pytest.raises(ConflictError):
        commits.prepared(table.view, row, Made(), LATER, table.fence)


def test_a_distributed_authority_is_in_the_bundle_and_does_not_sign(table):
    """The anchor is published, and the roots have news."""
    table.coming()
    row = table.operation(phase=OperationPhase.PREPARED)
    transaction = commits.distributed(table.view, row, LATER, table.fence)
    assert ROOTS_TOPIC in transaction.topics
    table.commit(transaction)
    assert phase_of(table, NEW.authority) is Phase.TRUSTED
    assert read(table.view, CurrentRow, CURRENT, "signer").authority == OLD.authority


def test_one_commit_moves_signer_phases_configuration_and_operation(table):
    """Nothing is half-changed, and the slot is free."""
    table.coming(Phase.TRUSTED)
    row = active(table)
    assert (row.phase, row.phase_since) == (OperationPhase.ACTIVE, LATER)
    assert phase_of(table, OLD.authority) is Phase.DRAINING
    assert phase_of(table, NEW.authority) is Phase.SIGNING
    assert read(table.view, CurrentRow, CURRENT, "signer").signer == NEW.signer
    assert read(table.view, ConfigurationRow, CONFIGURATION, "ca").id == "config-2"
    assert read(table.view, SignerRow, SIGNERS, OLD.signer).replaced == LATER
    assert not table.has(CHANGE, "slot")


def test_a_tainted_authority_leaves_at_its_moment(table):
    """The commit that takes its place says when, at the latest."""
    table.coming(Phase.TRUSTED)
    row = table.operation(kind=Kind.TAINT, phase=OperationPhase.DISTRIBUTED)
    table.commit(commits.activated(table.view, row, NOW, table.fence, leave_by=LATER))
    old = read(table.view, AuthorityRow, AUTHORITIES, OLD.authority)
    assert (old.tainted, old.leave_by) == (True, LATER)


@pytest.mark.parametrize("phase", [OperationPhase.PREPARED, OperationPhase.DISTRIBUTED])
def test_an_aborted_authority_leaves_the_bundle_and_waits_for_removal(table, phase):
    """Agents have its anchor already; it is taken back in the same commit."""
    table.coming(Phase.TRUSTED)
    table.ceiling(f"{NEW.authority}/{NEW.signer}", LATER)
    row = table.operation(phase=phase)
    transaction = commits.ended(table.view, row, OperationPhase.ABORTED, LATER, None, reason="no")
    assert ROOTS_TOPIC in transaction.topics
    table.commit(transaction)
    assert not table.has(AUTHORITIES, NEW.authority)
    assert not table.view.table(CROSSES)
    assert set(table.view.table(CEILINGS)) == set()
    assert [left.key for left in leftovers(table.view)] == [NEW.authority]
    assert not table.has(CHANGE, "slot")


def test_an_aborted_renewal_leaves_the_signer_alone(table):
    """Its authority goes on signing; only the new signer is to be removed."""
    new = Ends(authority=OLD.authority, signer=NEW.signer, configuration="config-1")
    table.write(SIGNERS, NEW.signer, signer(NEW.signer, OLD.authority))
    row = table.operation(kind=Kind.RENEW, phase=OperationPhase.PREPARED, new=new)
    table.commit(commits.ended(table.view, row, OperationPhase.FAILED, LATER, None, reason="no"))
    assert phase_of(table, OLD.authority) is Phase.SIGNING
    assert [left.key for left in leftovers(table.view)] == [f"{OLD.authority}/{NEW.signer}"]
    assert not table.has(SIGNERS, NEW.signer)


def test_an_authority_that_may_have_signed_after_a_backup_drains_when_it_is_aborted(table):
    """A restored store has lifted its ceiling: leaves that nobody has on record may be alive."""
    table.coming(Phase.TRUSTED)
    table.ceiling(NEW.authority, LATER)
    row = table.operation(phase=OperationPhase.DISTRIBUTED)
    table.commit(commits.ended(table.view, row, OperationPhase.ABORTED, NOW, None, reason="no"))
    assert phase_of(table, NEW.authority) is Phase.DRAINING
    assert leftovers(table.view) == ()


@pytest.mark.parametrize(
    "phase", [OperationPhase.ACTIVE, OperationPhase.ABORTED, OperationPhase.ROLLED_BACK]
)
def test_what_is_over_cannot_be_ended(table, phase):
    """It says so, and changes nothing."""
    row = table.operation(phase=phase)
    with pytest.raises(RequestError, match="over"):
        commits.ended(table.view, row, OperationPhase.ABORTED, NOW, None, reason="no")


def test_a_rollback_lets_the_old_signer_sign_and_the_new_authority_drain(table):
    """One commit, configuration included; a second one finds no way."""
    table.coming(Phase.TRUSTED)
    row = active(table)
    table.commit(commits.rolled_back(table.view, row, LATER))
    assert phase_of(table, OLD.authority) is Phase.SIGNING
    assert phase_of(table, NEW.authority) is Phase.DRAINING
    assert read(table.view, SignerRow, SIGNERS, OLD.signer).replaced is None
    assert read(table.view, SignerRow, SIGNERS, NEW.signer).replaced == LATER
    assert read(table.view, ConfigurationRow, CONFIGURATION, "ca").id == "config-1"
    with pytest.raises(RequestError, match="rolled_back"):
        commits.rolled_back(table.view, operation(table.view, row.id), LATER)


def test_there_is_no_way_back_to_what_is_compromised_expired_or_gone(table):
    """Nor while another operation is open."""
    table.coming(Phase.TRUSTED)
    row = active(table)
    with pytest.raises(RequestError, match="expired"):
        commits.rolled_back(table.view, row, NOW + 100 * HOUR)
    table.operation(name="op-2")
    with pytest.raises(ConflictError, match="op-2"):
        commits.rolled_back(table.view, row, LATER)
    table.write(CHANGE, "slot", None)
    table.write(AUTHORITIES, OLD.authority, authority(OLD.authority, Phase.RETIRED))
    with pytest.raises(RequestError, match="retired"):
        commits.rolled_back(table.view, row, LATER)


def test_an_error_is_noted_once_and_goes_with_the_next_step(table):
    """Repeating it costs no commit."""
    table.coming()
    row = table.operation(phase=OperationPhase.PREPARED)
    table.commit(commits.noted(table.view, row, "the backend is away"))
    assert commits.noted(table.view, row, "the backend is away") is None
    table.commit(commits.distributed(table.view, row, LATER, table.fence))
    assert open_operation(table.view).error == ""


def test_a_server_that_lost_the_lease_changes_nothing(table):
    """Every step is fenced."""
    table.coming()
    row = table.operation(phase=OperationPhase.PREPARED)
    fence = table.fence
    stale = commits.distributed(table.view, row, LATER, fence)
    table.clock.advance(timedelta(hours=1))
    Lease(table.store, table.clock, "server-2").acquire()
    with pytest.raises(ConflictError):
        table.commit(stale)
