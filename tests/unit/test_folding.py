"""JSON keys in any case."""

import msgspec
import pytest

from ca_core.errors import RequestError
from ca_core.wire.folding import folded


class Inner(msgspec.Struct):
    """A nested document."""

    key: str = msgspec.field(name="InnerKey", default="")


class Outer(msgspec.Struct):
    """A document with everything that nests."""

    one: Inner | None = msgspec.field(name="One", default=None)
    many: tuple[Inner, ...] = msgspec.field(name="Many", default=())
    free: dict[str, str] = msgspec.field(name="Free", default_factory=dict)


def test_known_keys_are_found_in_any_case_at_every_depth():
    """Go's decoder takes them so."""
    value = {"ONE": {"innerkey": "a"}, "many": [{"INNERKEY": "b"}]}
    assert folded(value, Outer) == {"One": {"InnerKey": "a"}, "Many": [{"InnerKey": "b"}]}


def test_keys_of_a_free_map_stay_as_they_are():
    """They are data, not fields."""
    assert folded({"free": {"One": "a", "one": "b"}}, Outer) == {"Free": {"One": "a", "one": "b"}}


def test_unknown_keys_stay_for_the_decoder_to_refuse():
    """What nobody knows is not lost on the way."""
    assert folded({"Other": 1}, Outer) == {"Other": 1}


def test_null_is_absence_but_not_inside_a_list():
    """A null field has its default; a null among values is a value that is wrong."""
    assert folded({"One": None, "Many": [None]}, Outer) == {"Many": [None]}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"One": {}, "one": {}}, "One"),
        ({"Many": [{}, {"InnerKey": "", "innerKey": ""}]}, "Many[1].InnerKey"),
        ({"One": None, "ONE": {}}, "One"),
    ],
)
def test_a_key_in_two_spellings_is_refused(value, place):
    """Two readers of one body must not see two requests."""
    with pytest.raises(RequestError, match="is there twice, in two spellings") as caught:
        folded(value, Outer)
    assert caught.value.field == place


@pytest.mark.parametrize("value", [None, 1, "x", [], {"One": 1, "Many": {}, "Free": []}])
def test_values_of_another_shape_stay_for_the_decoder(value):
    """Folding changes keys alone."""
    assert folded(value, Outer) == value
