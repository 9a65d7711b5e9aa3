"""Run benchmarks by name, or all of them."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.finding import Finding

NAMES = (
    "sign",
    "vault",
    "hooks",
    "help",
    "first_leaf",
    "cached_leaf",
    "discovery",
    "token",
    "reissue",
    "phases",
    "decide",
    "authorize",
    "catalog",
    "parked",
    "services",
    "idle",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 1 if a goal was missed and ``--strict`` was given."""
    options = _parser().parse_args(arguments)
    findings: list[Finding] = []
    for name in options.names or NAMES:
        print(f"{name} …", file=sys.stderr, flush=True)
        findings += importlib.import_module(f"bench.{name}").run(seconds=options.seconds)
    report.show(findings)
    print(f"kept in {report.save(findings, options.results)}", file=sys.stderr)
    return int(options.strict and any(one.met is False for one in findings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="default: all")
    parser.add_argument("--seconds", type=float, default=2.0, help="per variant; default 2")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder for the JSON")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a goal is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
