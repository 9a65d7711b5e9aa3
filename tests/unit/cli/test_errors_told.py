"""Tests of how errors are told and which code they end with."""

from datetime import timedelta

import pytest

from ca_core import errors
from ca_core.cli.exitcodes import ExitCode, exit_code_of
from ca_core.cli.failures import tell


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 2),
        (errors.RequestError("x"), 2),
        (errors.ConflictError("x"), 2),
        (errors.DeniedError("x"), 4),
        (errors.GuardError("x", provider="p", rule="leaf.1"), 6),
        (errors.ProviderError("x"), 6),
        (errors.RateLimitedError(retry_after=timedelta(seconds=1)), 5),
        (errors.UnavailableError("x"), 5),
        (errors.NotReadyError("x"), 5),
        (errors.CapabilityUnsupportedError("revoke"), 6),
        (errors.Error("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(error, code):
    """The documented table holds for the whole tree."""
    assert exit_code_of(error) == code


def test_the_documented_codes_are_the_codes():
    """The table in the docstring lists every code there is."""
    from ca_core.cli import exitcodes

    listed = {line.split()[0] for line in exitcodes.__doc__.splitlines() if line[:1].isdigit()}
    assert listed == {str(code.value) for code in ExitCode}


def test_an_error_is_one_line_what_and_one_line_next(capsys):
    """Two lines on standard error, nothing on standard output."""
    tell(errors.ConfigError("no such key", where="a.toml", hint="try b"))
    assert capsys.readouterr() == ("", "error: a.toml: no such key\nnext:  try b\n")


def test_an_error_cannot_steer_the_terminal(capsys):
    """Escape sequences and line breaks from elsewhere are shown as blanks."""
    tell(errors.RequestError("a\x1b[31mb\nerror: c"))
    assert capsys.readouterr().err == "error: a [31mb error: c\n"
