"""Tests of what is written where: colours, widths, progress."""

import io
import json

import pytest

from ca_core.cli.output import (
    console,
    last_cut,
    print_facts,
    print_json,
    print_table,
    progress,
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


@pytest.fixture
def colours(monkeypatch):
    """Stand in a terminal with colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.mark.usefixtures("colours")
class TestColours:
    def written(self, stream: io.StringIO) -> str:
        """Return what a styled word becomes on ``stream``."""
        console(stream).print("word", style="red")
        return stream.getvalue()

    def test_a_terminal_gets_colours(self):
        """People see at a glance."""
        assert "\x1b[" in self.written(Terminal())

    def test_a_pipe_gets_none(self):
        """Programs and files get plain text."""
        assert self.written(io.StringIO()) == "word\n"

    def test_no_color_is_honoured(self, monkeypatch):
        """Who asks for no colours gets none, also on a terminal. Source: no-color.org."""
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[31m" not in self.written(Terminal())


def test_nothing_is_cut_in_a_pipe(capsys):
    """A fingerprint stays whole, and lines end where their text ends."""
    print_table(("A", "B"), [("x" * 100, "y" * 100), ("1", "2")], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert any("x" * 100 in line and "y" * 100 in line for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_a_last_column_ends_where_the_line_does(monkeypatch):
    """In one line each; the columns before it stay whole."""
    stream = Terminal()
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout", stream)
    rows = [("web", "x" * 100), ("database", "short")]
    print_table(("ID", "HEALTH"), rows, empty="none", cut=True)
    _, first, second = (line.split() for line in stream.getvalue().splitlines())
    assert first == ["web", "x" * 49 + "…"]
    assert second == ["database", "short"]


@pytest.mark.parametrize(
    ("width", "kept"), [(200, 100), (108, 100), (107, 99), (40, 32), (32, 24), (5, 24), (0, 24)]
)
def test_a_last_column_keeps_the_room_that_there_is(width, kept):
    """Whole where it fits; in the narrowest of terminals a status and a name."""
    ((first, last),) = last_cut(("ID", "HEALTH"), [("a" * 6, "x" * 100)], width)
    assert (first, len(last)) == ("a" * 6, kept)
    assert last.endswith("…") is (kept < 100)


def test_an_empty_table_is_a_sentence(capsys):
    """Headings over nothing help nobody."""
    print_table(("A",), [], empty="Nothing yet.")
    assert capsys.readouterr().out == "Nothing yet.\n"


def test_facts_stand_in_a_column(capsys):
    """Values are aligned, also those of several lines."""
    print_facts([("a", "1"), ("long", "2\n3")])
    assert capsys.readouterr().out == "a     1\nlong  2\n      3\n"


def test_progress_is_silent_in_a_pipe(capsys):
    """Only a person at a terminal is told that something is going on."""
    with progress("working"):
        pass
    assert capsys.readouterr() == ("", "")


def test_json_steers_no_terminal_and_reads_back_as_it_was(capsys):
    """A plugin's description may hold anything; controls beyond ASCII are escaped as well."""
    value = {"é": 'a\x1b[2J\x9b31m\u202e\U000e0041\n"\\ü'}
    print_json(value)
    told = capsys.readouterr().out
    assert json.loads(told) == value
    assert all(char.isprintable() or char == "\n" for char in told)
    assert "é" in told
