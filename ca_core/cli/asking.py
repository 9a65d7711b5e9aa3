"""Questions before something that cannot simply be taken back."""

import sys

from ca_core.cli.failures import UnfinishedError
from ca_core.cli.options import Output
from ca_core.errors import ConfigError

_YES = frozenset({"y", "yes"})


def confirm(question: str, *, yes: bool) -> None:
    """Go on if somebody says yes to ``question``; ``yes`` says so beforehand.

    The question goes to standard error, the answer comes from standard input, a line.

    Raises:
        UnfinishedError: anything but yes, or nobody is there.
    """
    if yes:
        return
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise UnfinishedError("nobody answered; nothing was changed", hint="--yes asks nobody")
    if line.strip().lower() not in _YES:
        raise UnfinishedError("not confirmed; nothing was changed")


def require_answer(output: Output, *, yes: bool) -> None:
    """Refuse to ask a program.

    Raises:
        ConfigError: ``--output json`` without ``--yes``.
    """
    if output is Output.JSON and not yes:
        raise ConfigError(
            "a program cannot answer the question", where="--output json", hint="add --yes"
        )
