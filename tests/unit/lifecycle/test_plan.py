"""A plan says what the change then does, and does nothing itself."""

import math
from dataclasses import replace

import pytest

from ca_core.authority.configuration import digest_of
from ca_core.contract.answers import Findings
from ca_core.errors import UnavailableError
from ca_core.lifecycle.plan import plan
from ca_core.lifecycle.rows import POLICY, OperationPhase, Wishes
from ca_core.lifecycle.spread import reissue_spread
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.lifecycle.planroom import CHANGES, HOURS, STANDING, WISHES, living


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("crosses", [True, False])
async def test_every_field_of_a_plan_is_what_apply_then_did(name, crosses):
    """Kind, root, phases, cross-signature, settings, leaves, load, time, and who is asked."""
    own = {} if crosses else {"disable_cross_signing": True}
    wanted = CHANGES[name]
    if name not in {"swap", "same root"}:
        wanted = replace(wanted, config=own)
    if (name, crosses) == ("same root", False):
        wanted = replace(wanted, config={})
    async with living("n1", "n2", config=own) as room:
        found = await room.plan(wanted)
        done = await room.applied(wanted)
        standing = room.lifecycle.tools.standing()
        assert digest_of(standing) == digest_of(wanted)
        assert_was_right(found, done)
        assert found.new_root == (room.current() != done.old.authority)
        assert found.signing_rate == room.manager.settings.csr_max_per_second
        if found.leaves:
            leaf_ttl = room.manager.settings.leaf_ttl
            spread = reissue_spread(done.reissue, found.signing_rate, leaf_ttl=leaf_ttl)
            assert found.reissue_seconds == math.ceil(spread.total_seconds()) > 1
        assert found.changes
        for change in found.changes:
            key, _, values = change.partition(": ")
            assert values.endswith(value_of(standing, key)), change


def assert_was_right(found, done):
    """Compare a plan with the operation that became of it."""
    assert done.phase is OperationPhase.ACTIVE, done
    assert not found.blockers
    assert found.kind == done.kind
    assert found.new_root == done.makes_authority
    assert found.phases == tuple(step.phase for step in done.history)
    assert found.cross_signed == done.crossed
    assert found.leaves == done.reissue == (3 if done.makes_signer else 0)
    asked = ("n1", "n2") if done.makes_authority else ()
    assert (found.acknowledge, found.counted, found.unreachable) == (asked, len(asked), ())
    assert found.missing_permissions == ()
    assert done.left_behind == ()
    assert found.settle_seconds == waited(done)


def waited(row):
    """Return for how long a new root was out, as far as it was asked to settle, in seconds."""
    if not row.makes_authority or row.crossed:
        return 0
    at = {step.phase: step.at for step in row.history}
    out = at[OperationPhase.ACTIVE] - at[OperationPhase.DISTRIBUTED]
    assert out >= WISHES.settle
    return int(WISHES.settle.total_seconds())


def value_of(settings, key):
    """Return a setting as a plan shows it."""
    if key.startswith("config."):
        value = settings.config.get(key.removeprefix("config."))
        return "(none)" if value is None else str(value).lower()
    match key:
        case "key_type":
            return settings.key.type.value
        case "leaf_ttl":
            return f"{settings.leaf_ttl // HOURS}h"
        case _:
            return str(getattr(settings, key))


async def test_what_stands_already_is_no_change():
    """Its plan is empty, and applying it a hundred times writes nothing."""
    async with living("n1", config={"disable_cross_signing": True}) as room:
        same = replace(STANDING, config={"disable_cross_signing": True})
        found = await room.plan(same)
        assert (found.kind, found.phases, found.changes, found.leaves) == ("none", (), (), 0)
        assert not found.new_root
        assert found.counted == found.reissue_seconds == found.settle_seconds == 0
        before = room.store.snapshot
        for _ in range(100):
            assert await room.changes.apply(same, actor="test") is None
            assert await room.changes.apply(same, actor="test", from_file=True) is None
        assert room.store.snapshot.tables == before.tables


async def test_without_a_cross_signature_the_plan_says_why_and_what_it_costs():
    """Acknowledgements and time to settle are then all there is; the successor can vouch less."""
    async with living("n1", config={"disable_cross_signing": True}) as room:
        found = await room.plan(replace(STANDING, provider="other"))
        assert found.settle_seconds == 420
        assert any("does not cross-sign" in text and "7m" in text for text in found.warnings)
    async with living("n1") as room:
        found = await room.plan(replace(STANDING, config={"disable_cross_signing": True}))
        assert found.missing_capabilities == ("cross-sign",)


async def test_who_cannot_be_reached_is_named_and_force_says_who_is_left_behind():
    """An agent without a lease counts all the same."""
    async with living("n1", "n2") as room:
        room.reachable.discard("n2")
        found = await room.plan(CHANGES["swap"])
        assert (found.counted, found.unreachable) == (2, ("n2",))
        assert any("n2" in text for text in found.warnings)
        forced = await room.plan(CHANGES["swap"], Wishes(force=True))
        assert any("2 would be left behind: n1, n2" in text for text in forced.warnings)
        done = await room.applied(CHANGES["swap"], Wishes(force=True))
        assert forced.settle_seconds == 0
        assert len(done.left_behind) <= forced.counted


async def test_an_open_operation_blocks_and_an_automatic_one_that_waits_gives_way():
    """A plan refuses for the same reason as the change."""
    async with living("n1") as room:

        async def blockers(actor="test"):
            found = await plan(room.lifecycle.tools, CHANGES["swap"], WISHES, actor=actor)
            return found.blockers

        later = Wishes(not_before=room.clock.now() + 99 * HOURS)
        waiting = await room.changes.rotate(actor=POLICY, wishes=later)
        assert await blockers() == ()
        assert waiting.id in (await blockers(POLICY))[0]
        begun = await room.changes.rotate(actor="somebody", wishes=later)
        assert room.operation(waiting.id).phase is OperationPhase.ABORTED
        assert begun.id in (await blockers())[0]


async def test_what_cannot_work_is_a_blocker():
    """An unknown provider, and one that refuses its configuration, are told without its values."""
    async with living() as room:
        unknown = await room.plan(replace(STANDING, provider="nobody", config={"token": "s3cret"}))
        assert "nobody" in unknown.blockers[0]
        assert unknown.changes == ("provider: under-test → nobody", "config.token: changed")
        refused = await room.plan(replace(STANDING, config={"root_cert": "s3cret"}))
        assert "refuses its configuration" in refused.blockers[0]
        secret = await room.plan(replace(STANDING, config={"private_key": "s3cret"}))
        assert "config.private_key: changed" in secret.changes
        assert "s3cret" not in repr((unknown.blockers, unknown.changes, refused.blockers, secret))


class Lacking(ReferenceProvider):
    """A provider whose backend grants little and bounds lives."""

    def probe(self, request):
        """Say what is missing."""
        return Findings(
            missing_permissions=("pki/sign: update",),
            limits={"max_leaf_ttl_seconds": "3600", "max_root_ttl_seconds": "much"},
            notes=("the mount is tuned for an hour",),
        )


class Silent(ReferenceProvider):
    """A provider whose backend is away."""

    def probe(self, request):
        """Say nothing."""
        raise UnavailableError("sealed")


def other(kind):
    """Return a descriptor of another class of reference provider."""
    backend = ReferenceBackend()
    return replace(
        reference_plugin(), create=lambda config, context: kind(config, context, backend)
    )


async def test_what_the_backend_lacks_and_bounds_is_told():
    """Missing permissions block; a life that the backend bounds is shortened."""
    async with living(other=other(Lacking)) as room:
        found = await room.plan(CHANGES["swap"])
        assert found.missing_permissions == ("pki/sign: update",)
        assert "pki/sign: update" in found.blockers[0]
        assert found.ttl_rules == (
            "leaf_ttl 12h is shortened to 1h: the provider gives no longer one",
        )
        assert "the mount is tuned for an hour" in found.warnings


async def test_a_provider_that_does_not_answer_blocks():
    """Nobody knows what it could do."""
    async with living(other=other(Silent)) as room:
        found = await room.plan(CHANGES["swap"])
        assert found.kind == "swap"
        assert found.blockers == ("the provider cannot be asked: sealed",)


async def test_lives_that_count_later_or_are_clamped_are_told():
    """What exists keeps its life, and nothing outlives its issuer."""
    async with living() as room:
        longer = replace(STANDING, leaf_ttl=5000 * HOURS, intermediate_ttl=90000 * HOURS)
        found = await room.plan(replace(longer, root_ttl=95000 * HOURS))
        assert found.kind == "settings"
        said = " ".join(found.ttl_rules)
        assert "root_ttl 95000h counts from the next root on" in said
        assert "intermediate_ttl 90000h is shortened: the root ends at" in said
        assert "leaf_ttl" in said
        corporate = await room.plan(replace(STANDING, trust_corporate_root=True))
        assert corporate.kind == "rotate"
        assert any("corporate root is published" in text for text in corporate.warnings)


async def test_a_token_that_others_may_read_is_told(tmp_path):
    """Whoever reads it signs as we do; the plan says what closes it."""
    token = tmp_path / "token"
    token.write_text("hvs.secret")
    wanted = replace(STANDING, provider="other", config={"token_file": str(token)})
    async with living() as room:
        token.chmod(0o644)
        (said,) = [text for text in (await room.plan(wanted)).warnings if "token" in text]
        assert "mode 0644" in said
        assert f"chmod o= {token}" in said
        token.chmod(0o600)
        assert not [text for text in (await room.plan(wanted)).warnings if "token" in text]
