"""What counts as the same output, and what a console block is."""

import pytest

from docs.consoles import Step, agrees, blocks_of, elided, refreshed

PAGE = """# Page

<!-- session: dev -->
```console
$ ca-core one
first
$ ca-core two \\
    --with more
$ ca-core three
third
```

after
"""


def test_a_block_is_its_commands_with_their_outputs():
    """Commands, continued lines and outputs are told apart."""
    (block,) = blocks_of(PAGE)
    assert block.session == "dev"
    assert block.line == PAGE[: PAGE.index("```console")].count("\n") + 1
    assert block.steps == (
        Step("ca-core one", "first\n"),
        Step("ca-core two \\\n    --with more", ""),
        Step("ca-core three", "third\n"),
    )


@pytest.mark.parametrize(
    "page", ["```console\n$ ls\n```\n", "<!-- session: dev -->\n```console\nls\n```\n"]
)
def test_a_block_that_nobody_would_run_is_refused(page):
    """A console block without a session or without a command is an error, not a silence."""
    with pytest.raises(ValueError, match="console block"):
        blocks_of(page)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("root 07933a13-9f3b-4c1d-8a3e-0123456789ab", "root 17933a13-0f3b-4c1d-8a3e-0123456789ab"),
        ("key 0a:1b:2c:3d:4e", "key ff:1b:2c:3d:4e"),
        ("until 2026-11-22T18:00:00Z", "until 2027-01-02T03:04:05Z"),
        ("in 71 h", "in 72 h"),
        ("a   table\n──────", "a table\n────────────"),
        ("green: 8 passed, 0 failed, 3 skipped", "green: 90 passed, 0 failed, 57 skipped"),
        ("edit provider.py:90", "edit provider.py:12"),
        ("first\n…\nlast", "first\nsecond\nthird\nlast"),
        ("first\n…", "first"),
    ],
)
def test_what_differs_from_run_to_run_is_the_same(written, shown):
    """Ids, times, spans, table widths and elided lines do not count."""
    assert agrees(written, shown)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one certificate", "two certificates"),
        ("", "surprise"),
        ("promised", ""),
        ("first\n…\nlast", "first\nsecond"),
        ("key 0a:1b:2c:3d:4e", "key none"),
        ("in 71 h", "never"),
        ("green: 8 passed, 0 failed, 3 skipped", "green: 8 passed, 1 failed, 3 skipped"),
    ],
)
def test_what_a_reader_would_notice_differs(written, shown):
    """Any other word, a missing line and a line too many count."""
    assert not agrees(written, shown)


def test_a_shown_file_is_typed_in_its_place():
    """A file that a page shows is written before the commands that follow it."""
    page = "<!-- session: dev, file: a.toml -->\n```toml\n[server]\n```\n" + PAGE
    written, block = blocks_of(page)
    assert written.steps == (Step("cat > a.toml <<'END'\n[server]\nEND", ""),)
    assert written.line < block.line


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("a\n…\nz\n", "b\nc\nd\ny\n", "b\n…\ny\n"),
        ("…\nz\n", "a\nb\ny\n", "…\ny\n"),
        ("a\n…\n", "b\nc\n", "b\n…\n"),
        ("…\nseen 71 h\nwhy\n…\nz\n", "a\nseen 72 h\nbut\nb\ny\n", "…\nseen 72 h\nbut\n…\ny\n"),
        ("a\nz\n", "b\nc\ny\n", "b\nc\ny\n"),
    ],
)
def test_what_was_left_out_stays_left_out(old, new, kept):
    """A stale output is refreshed at the places that the page shows, and no more is shown."""
    assert elided(old, new) == kept


def test_refreshing_changes_only_what_is_no_longer_true():
    """An output that still agrees stays byte for byte; a stale one is replaced."""
    answers = {"ca-core one": "first\n", "ca-core three": "fourth\n"}
    found = refreshed(PAGE, lambda _, step: answers.get(step.command, ""))
    assert found == PAGE.replace("third", "fourth")
