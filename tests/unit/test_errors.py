"""What every error of the one tree says."""

import pytest

from ca_core.errors import NotFoundError, RequestError


@pytest.mark.parametrize(
    ("message", "field", "said"),
    [
        ("is missing", "Target", "Target: is missing"),
        ("is missing", "", "is missing"),
        ("Target service must be specified", "Target", "Target service must be specified"),
        ("Targets are many", "Target", "Target: Targets are many"),
        ("Target", "Target", "Target: Target"),
    ],
)
def test_the_part_that_is_wrong_is_named_once(message, field, said):
    """Consul's sentences begin with it; ours have it before a colon."""
    for kind in (RequestError, NotFoundError):
        error = kind(message, field=field)
        assert (str(error), error.field, error.fault) == (said, field, message)
