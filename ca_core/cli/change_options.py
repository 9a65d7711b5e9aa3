"""Options of the commands that change who signs, spelled and explained once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class OnDeadlineName(StrEnum):
    """What happens at the deadline, as one types it."""

    WAIT = "wait"
    ABORT = "abort"
    PROCEED = "proceed"


FromFileOption = Annotated[
    Path | None,
    typer.Option(
        "--from-file",
        metavar="FILE",
        help="Configuration whose [ca] section is wanted. Default: ./ca-core.toml, else "
        "/etc/ca-core/ca-core.toml.",
    ),
]

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key of what stands, like leaf_ttl=24h or config.address=URL; repeatable.",
    ),
]

ProviderOption = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        help="Another provider; of what stands, its own keys below config are left out.",
    ),
]

SettleOption = Annotated[
    str | None,
    typer.Option(
        "--settle",
        metavar="SPAN",
        help="How long the new bundle is out at least, like 10m, for those who cannot acknowledge.",
    ),
]

PatienceOption = Annotated[
    str | None,
    typer.Option(
        "--patience",
        metavar="SPAN",
        help="How long acknowledgements are waited for before --on-deadline counts, like 1h.",
    ),
]

OnDeadlineOption = Annotated[
    OnDeadlineName | None,
    typer.Option(
        "--on-deadline",
        help="What then: wait on, abort, or proceed if the new root is cross-signed.",
    ),
]

ForceOption = Annotated[
    bool,
    typer.Option(
        "--force", help="Wait for nobody. What breaks is listed first; then you are asked."
    ),
]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without a question.")]

DetachOption = Annotated[
    bool, typer.Option("--detach", help="Return once it has begun, instead of following it.")
]

OperationArgument = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="As `ca operations` shows it."),
]


def wishes_of(
    settle: str | None, patience: str | None, on_deadline: OnDeadlineName | None, *, force: bool
) -> dict[str, Any]:
    """Return how a change is to go, as the API takes it; what was not said is left out.

    Raises:
        ConfigError: a span without its unit.
    """
    said = {
        "Settle": _span(settle, "--settle"),
        "Patience": _span(patience, "--patience"),
        "OnDeadline": on_deadline.value if on_deadline else None,
        "Force": force or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _span(text: str | None, where: str) -> str | None:
    from ca_core.durations import parse_duration  # noqa: PLC0415 - only a span needs it
    from ca_core.errors import ConfigError, RequestError  # noqa: PLC0415 - as above

    if text is None:
        return None
    try:
        parse_duration(text, field="")
    except RequestError as error:
        raise ConfigError(str(error), where=where) from None
    return text
