"""Arguments of the commands about intentions, spelled and explained once."""

from typing import Annotated

import typer

Source = Annotated[
    str, typer.Argument(metavar="SRC", help="Who connects: svc, ns/svc, or '*' for everybody.")
]

Destination = Annotated[
    str, typer.Argument(metavar="DST", help="To whom: svc, ns/svc, or '*' for everything.")
]

SourceOrId = Annotated[str, typer.Argument(metavar="SRC|ID", help="Who connects; or an id, alone.")]

MaybeDestination = Annotated[str | None, typer.Argument(metavar="[DST]", help="To whom.")]
