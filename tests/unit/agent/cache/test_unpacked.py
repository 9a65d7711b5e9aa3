"""Values of views: decoded when they are read, the last ones kept."""

import msgspec
import pytest

from ca_core.agent.cache.unpacked import Unpacked
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import ProviderError
from tests.unit.api.discovering import instance

WEB = ViewKey(ViewKind.SERVICE, "web")
ROWS = (instance(node="n1"),)
ENCODED = msgspec.json.encode(ROWS)


def test_a_value_is_decoded_once_while_it_is_kept():
    """The same object for every reader of the same view."""
    values = Unpacked()
    first = values.value(WEB, ENCODED)
    assert first == ROWS
    assert values.value(WEB, ENCODED) is first


def test_another_view_under_the_key_is_another_value():
    """Also one that is equal: it came anew."""
    values = Unpacked()
    first = values.value(WEB, ENCODED)
    assert values.value(WEB, msgspec.json.encode(())) == ()
    assert len(values) == 1
    again = values.value(WEB, bytes(bytearray(ENCODED)))
    assert again == first
    assert again is not first


def test_the_values_that_were_read_last_are_kept():
    """By the bytes of their views; the newest stays however large it is."""
    values = Unpacked(most=3 * len(ENCODED))
    keys = [ViewKey(ViewKind.SERVICE, name) for name in "abcd"]
    kept = {key: values.value(key, ENCODED) for key in keys[:3]}
    assert values.value(keys[0], ENCODED) is kept[keys[0]]
    values.value(keys[3], ENCODED)
    assert len(values) == 3
    assert values.value(keys[0], ENCODED) is kept[keys[0]]
    assert values.value(keys[1], ENCODED) is not kept[keys[1]]
    large = msgspec.json.encode(ROWS * 100)
    assert values.value(WEB, large) == ROWS * 100
    assert len(values) == 1


def test_what_is_no_view_is_not_kept():
    """Whoever brought it is told so."""
    values = Unpacked()
    with pytest.raises(ProviderError, match="service/web"):
        values.value(WEB, b'{"no": "list"}')
    assert len(values) == 0
