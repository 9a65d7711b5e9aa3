"""Help that teaches, and groups that import a command only when it runs."""

import importlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ca_core.cli.exitcodes import exit_code_of
from ca_core.cli.failures import tell
from ca_core.errors import Error


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One command as the list of commands shows it.

    Attributes:
        section: heading it stands under.
        summary: one line; the same sentence begins the command's own help.
        module: holds ``app``, a ``typer.Typer``.
    """

    section: str
    summary: str
    module: str


def _write_examples(command: Any, formatter: Any) -> None:
    """Write a command's examples exactly as they were written."""
    if not command.epilog:
        return
    formatter.write_paragraph()
    for line in command.epilog.strip("\n").splitlines():
        formatter.write(f"{line}\n")


class TaughtCommand(TyperCommand):
    """A command whose epilog holds examples, printed line by line."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self, formatter)


class TaughtGroup(TyperGroup):
    """A group whose epilog holds examples, printed line by line."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self, formatter)


class LazyCommands(MutableMapping[str, Any]):
    """Commands by name; looking one up imports its module, listing the names does not."""

    def __init__(self, listings: dict[str, Listing]) -> None:
        self._listings = listings
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _loaded(name, self._listings[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._listings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._listings)

    def __len__(self) -> int:
        return len(self._listings)


def _loaded(name: str, listing: Listing) -> Any:
    app = importlib.import_module(listing.module).app
    command = typer.main.get_command(app)
    command.name = name
    return command


class RootGroup(TaughtGroup):
    """The program itself: lazy commands in sections, and errors that become exit codes."""

    listings: dict[str, Listing]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands(dict(self.listings))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every section from the listings, importing no command."""
        width = max(map(len, self.listings))
        for section in dict.fromkeys(entry.section for entry in self.listings.values()):
            rows = [
                (name.ljust(width), entry.summary)
                for name, entry in self.listings.items()
                if entry.section == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names; the inherited method would import every command to list it."""
        return list(self.listings)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error of ours is told in two lines and becomes an exit code."""
        try:
            return super().invoke(ctx)
        except Error as error:
            tell(error)
            raise typer.Exit(int(exit_code_of(error))) from None
