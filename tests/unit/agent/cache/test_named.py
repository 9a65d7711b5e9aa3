"""Every test of Consul's agent cache has one here that bears its name."""

import ast
import re
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2]
PLACES = (
    *Path(__file__).parent.glob("test_*.py"),
    UNIT / "agent" / "test_timetable.py",
    UNIT / "api" / "test_blocking.py",
    UNIT / "api" / "test_cachecontrol.py",
)
GETS = (
    "noIndex",
    "initError",
    "cachedErrorsDontStick",
    "blankCacheKey",
    "blockingInitSameKey",
    "DiffKeys",
    "blockingIndex",
    "blockingIndexTimeout",
    "blockingIndexError",
    "cancellation",
    "emptyFetchResult",
    "periodicRefresh",
    "Multiple",
    "periodicRefreshErrorBackoff",
    "periodicRefreshBadRPCZeroIndexErrorBackoff",
    "noIndexSetsOne",
    "fetchTimeout",
    "expire",
    "expireResetGet",
    "expireResetGetNoChange",
    "expireClose",
    "expireBackgroudRefresh",
    "expireBackgroudRefreshCancel",
    "duplicateKeyDifferentType",
    "partitionDC",
    "partitionToken",
    "refreshAge",
    "nonRefreshAge",
    "nonBlockingType",
)
"""With ``TestCacheGet_`` in front; where one docstring names several, the others are shortened."""
OTHERS = (
    "TestCacheReload",
    "TestCacheThrottle",
    "TestCache_ExpiryLoop_ExitsWhenStopped",
    "TestCache_Prepopulate",
    "TestCache_RefreshLifeCycle",
    "TestCacheNotify",
    "TestCacheNotifyPolling",
    "TestCacheWatch_ErrorBackoff",
    "Test_isEqual",
    "TestExpiryHeap",
    "TestParseCacheControl",
    "TestParseWait",
    "TestSetIndex",
)


def docstrings():
    """Return the docstring of every test, and of every constant that is one's table."""
    for place in PLACES:
        for node in ast.walk(ast.parse(place.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                yield str(node.value.value)


TOLD = "\n".join(docstrings())


@pytest.mark.parametrize("name", GETS)
def test_a_test_of_gets_is_named_where_its_behaviour_is_tested(name):
    """What is not the same is there too, and says ``differs``."""
    assert re.search(rf"(TestCacheGet_|, |\.\.\.){name}\b", TOLD)


@pytest.mark.parametrize("name", OTHERS)
def test_another_test_is_named_where_its_behaviour_is_tested(name):
    """The same."""
    assert re.search(rf"\b{name}\b", TOLD)
