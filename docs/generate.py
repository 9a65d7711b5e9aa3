"""Write anew what our documents take from the code: ``python -m docs.generate`` (``make docs``).

Outputs of console blocks are replaced only where they are no longer true.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from docs.artifacts import ARTIFACTS
from docs.consoles import Block, Step, refreshed
from docs.pages import ROOT, pages, with_reference
from docs.sessions import Session, lacks, session


def with_outputs(page: str) -> str:
    """Return the page after running its console blocks, each session once and in order.

    A session whose program is missing here is left as it is.
    """
    with ExitStack() as stack:
        opened: dict[str, Session] = {}

        def shown_by(block: Block, step: Step) -> str:
            if lacks(block.session):
                return step.shown
            if block.session not in opened:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="docs-")))
                opened[block.session] = stack.enter_context(session(block.session, folder))
            return opened[block.session].shown_by(step.command)

        return refreshed(page, shown_by)


def main() -> None:
    """Bring every page up to date and say which ones changed."""
    for path in pages():
        before = path.read_text()
        after = with_outputs(with_reference(before))
        if after != before:
            path.write_text(after)
            print(f"written: {path.relative_to(ROOT)}")
    for name, write in ARTIFACTS.items():
        (ROOT / name).write_text(write())


if __name__ == "__main__":
    main()
