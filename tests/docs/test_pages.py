"""Every page is true: what the code writes is current, what is typed shows what is printed."""

import re

import pytest

from docs.consoles import agrees, blocks_of
from docs.pages import REGIONS, ROOT, pages, with_reference
from docs.sessions import lacks, session

PAGES = list(pages())
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#]*)(#[^)]*)?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def name_of(path):
    """Return a page's name as a reader would say it."""
    return str(path.relative_to(ROOT))


def sessions_of(path):
    """Return the page's sessions, each with its blocks in order."""
    found = {}
    for block in blocks_of(path.read_text()):
        found.setdefault(block.session, []).append(block)
    return found


CONSOLES = [(path, name) for path in PAGES for name in sessions_of(path)]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_the_code_writes_into_a_page_is_current(path):
    """``make docs`` would change no table of this page."""
    text = path.read_text()
    assert with_reference(text) == text


def test_every_region_stands_on_some_page():
    """Nothing is generated that nobody can read."""
    text = "".join(path.read_text() for path in PAGES)
    assert [name for name in REGIONS if f"<!-- begin: {name} -->" not in text] == []


@pytest.mark.parametrize(
    ("path", "name"), CONSOLES, ids=[f"{name_of(path)}:{name}" for path, name in CONSOLES]
)
def test_commands_show_what_the_page_says(path, name, tmp_path):
    """Each command of a session, run in order, shows what is printed below it."""
    if lacks(name):
        pytest.skip(f"NO {lacks(name).upper()}: the commands of {name_of(path)} are not run")
    with session(name, tmp_path) as shell:
        for block in sessions_of(path)[name]:
            for step in block.steps:
                shown = shell.shown_by(step.command)
                assert agrees(step.shown, shown), (
                    f"{name_of(path)}:{block.line}\n$ {step.command}\n--- printed\n{step.shown}"
                    f"--- shown\n{shown}\n(make docs)"
                )


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(path):
    """Each relative link names a file that exists."""
    text = CODE.sub("", path.read_text())
    broken = [
        target for target, _ in LINK.findall(text) if target and not (path.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_to_headings_and_anchors_lead_somewhere(path):
    """Each ``#fragment`` names a heading or an anchor of the page that it leads to."""
    text = CODE.sub("", path.read_text())
    broken = [
        f"{target}{fragment}"
        for target, fragment in LINK.findall(text)
        if fragment and fragment[1:] not in fragments_of((path.parent / target) if target else path)
    ]
    assert broken == []


def fragments_of(path):
    """Return what a link may name in a page, as GitHub makes it of headings."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {*plain, *re.findall(r'<a id="([^"]+)">', text)}
