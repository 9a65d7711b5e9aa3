"""Options of the commands about tokens, spelled and explained once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """What a token may be deprived of."""

    POLICIES = "policies"
    SERVICES = "services"
    NODES = "nodes"


PoliciesOption = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="NAME", help="A policy, by its name or id; repeatable."),
]

ServicesOption = Annotated[
    list[str] | None,
    typer.Option("--service", metavar="NAME", help="Be this service; repeatable."),
]

NodesOption = Annotated[
    list[str] | None,
    typer.Option("--node", metavar="NAME", help="Be the agent on this node; repeatable."),
]

DescriptionOption = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="Whose it is, and why.")
]

SecretFileOption = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="Write the secret into this new file, for its owner alone, and do not print it.",
    ),
]

Accessor = Annotated[
    str, typer.Argument(metavar="ACCESSOR", help="The token's public id; never its secret.")
]
