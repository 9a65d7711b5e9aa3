"""``doctor`` on the machine: Python, limits, tools."""

import importlib.util
import platform
import resource
import shutil
import sys

from ca_core.cli.checkup import Check, Level, Situation

LEAST_FILES = 4096
"""Open files: each parked query is a connection; the shell's default of 1024 ends early."""

LEAST_PYTHON = (3, 11)


def _python(_situation: Situation) -> tuple[Level, str, str]:
    text = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] < LEAST_PYTHON:
        return Level.FAILURE, text, "install Python 3.11 or newer"
    return Level.OK, text, ""


def _venv(_situation: Situation) -> tuple[Level, str, str]:
    if importlib.util.find_spec("ensurepip") is None:
        hint = "apt-get install python3-venv, if you want to run `make`"
        return Level.WARNING, "virtual environments cannot be made", hint
    return Level.OK, "virtual environments can be made", ""


def _files(_situation: Situation) -> tuple[Level, str, str]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < LEAST_FILES:
        return Level.WARNING, f"at most {most} open files", "LimitNOFILE=65536 in the systemd unit"
    return Level.OK, f"up to {'any number of' if most < 0 else most} open files", ""


def _openssl(_situation: Situation) -> tuple[Level, str, str]:
    found = shutil.which("openssl")
    if found is None:
        hint = "apt-get install openssl, to check certificates with a tool we did not write"
        return Level.WARNING, "openssl is not installed", hint
    return Level.OK, f"openssl at {found}", ""


CHECKS = (
    Check("machine", "python", _python),
    Check("machine", "venv", _venv),
    Check("machine", "open files", _files),
    Check("machine", "openssl", _openssl),
)
