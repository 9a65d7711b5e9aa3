"""Which settings differ, in words that show no secret."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ca_core.authority.settings import CASettings
from ca_core.fields import Secret
from ca_core.lifecycle.differences import differences

STANDING = CASettings(config={"address": "http://a", "token": "old s3cret"})
KEYS = st.sampled_from(["address", "token", "mount", "cert"])
VALUES = st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.just({"a": [1]}))


def test_each_setting_is_named_with_both_values():
    """What is new comes from nothing, what is gone goes to nothing; long values are cut."""
    wanted = replace(
        STANDING,
        leaf_ttl=timedelta(minutes=90),
        config={"token": "new s3cret", "cert": "-----BEGIN\n" + "A" * 100},
    )
    found = differences(STANDING, wanted, {"token"})
    assert found[:3] == (
        "leaf_ttl: 72h → 1h30m",
        "config.address: http://a → (none)",
        "config.token: changed",
    )
    assert found[3].startswith("config.cert: (none) → -----BEGIN AAAA")
    assert found[3].endswith("…")
    assert len(found[3]) < 100


def test_nobody_sees_a_secret_and_without_a_schema_every_key_is_one():
    """A secret by its type, by its key, or because nobody can say."""
    typed = replace(STANDING, config={"address": "http://a", "token": Secret("new s3cret")})
    for wanted, keys in ((typed, ()), (replace(STANDING, config={}), {"token"}), (typed, None)):
        assert "s3cret" not in " ".join(differences(STANDING, wanted, keys))
    moved = replace(STANDING, config={"address": "http://b", "token": "old s3cret"})
    assert differences(STANDING, moved, None) == ("config.address: changed",)


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES))
def test_a_line_for_each_key_that_differs_and_no_other(old, new):
    """Equal values have none."""
    found = differences(replace(STANDING, config=old), replace(STANDING, config=new), ())
    named = {line.partition(": ")[0].removeprefix("config.") for line in found}
    assert named == {key for key in {*old, *new} if old.get(key) != new.get(key)}
    assert len(found) == len(named)
