"""Files that the code writes as a whole are current."""

import pytest

from docs.artifacts import ARTIFACTS
from docs.pages import ROOT


@pytest.mark.parametrize("name", ARTIFACTS, ids=str)
def test_a_generated_file_is_what_the_code_would_write_now(name):
    """`make docs` writes it; a published schema and the code cannot differ."""
    assert (ROOT / name).read_text() == ARTIFACTS[name]()
