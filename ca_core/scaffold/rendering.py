"""Templates, and the files they become.

In a template ``@name@`` stands for the provider's name, and likewise ``@distribution@``,
``@package@``, ``@Class@``, ``@label@``, ``@core@`` (our version) and ``@capabilities@`` (a table).
A file ends with ``.tmpl``, so that no tool takes it for what it will be; ``PACKAGE`` in its path is
the package, and ``dot-`` begins a name that is hidden later.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from ca_core.contract import Capability
from ca_core.scaffold.capabilities import capability_table
from ca_core.scaffold.naming import PluginName

COMMON = "common"
MAX_LABEL = 20
"""What a common name has room for beside an id."""

_ENDING = ".tmpl"


class Template(StrEnum):
    """What a new provider begins as."""

    LOCAL = "local"
    """Keys in the core's secret store."""

    HTTP = "http"
    """A CA behind an HTTP API."""


DECLARED = {
    Template.LOCAL: frozenset({Capability.TEMPLATE}),
    Template.HTTP: frozenset({Capability.TEMPLATE}),
}
"""What each template's provider declares."""


def rendered(template: Template, name: PluginName, *, core: str) -> Mapping[str, str]:
    """Return every file of a new distribution: path below its folder → text.

    Args:
        template: what it begins as.
        name: what it is called.
        core: the version of ca-core that it needs at least.
    """
    words = {
        "@name@": name.name,
        "@distribution@": name.distribution,
        "@package@": name.package,
        "@Class@": name.class_prefix,
        "@label@": name.name[:MAX_LABEL].rstrip("-"),
        "@core@": core,
        "@capabilities@": capability_table(DECLARED[template]),
    }
    home = resources.files("ca_core.scaffold") / "templates"
    found = {}
    for folder in (COMMON, template.value):
        for path, text in _files(home / folder, PurePosixPath()):
            for word, meant in words.items():
                text = text.replace(word, meant)  # noqa: PLW2901 - one word after the other
            found[_final(path, name)] = text
    return dict(sorted(found.items()))


def _files(folder: Traversable, below: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, below / entry.name)
        elif entry.name.endswith(_ENDING):
            yield below / entry.name, entry.read_text(encoding="utf-8")


def _final(path: PurePosixPath, name: PluginName) -> str:
    parts = (
        name.package if part == "PACKAGE" else part.replace("dot-", ".", 1) for part in path.parts
    )
    return "/".join(parts).removesuffix(_ENDING)
