"""What ``provider conformance`` does; imported when it runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ca_core.authority.passportkeys import private_key
from ca_core.authority.registry import Registry
from ca_core.cli.conformance_subject import Wanted, chosen_checks, subject_of
from ca_core.cli.output import console, print_lines, print_table, printable
from ca_core.errors import ConfigError
from ca_core.testing.conformance import (
    CHECKS,
    Level,
    Outcome,
    ProviderUnderTest,
    Report,
    Result,
    run_conformance,
)
from ca_core.testing.conformance.passport import provable_digest, signed_report, written_passport
from ca_core.testing.conformance.reports import document_of, verdict, write_reports
from ca_core.testing.conformance.reports.summary import COLUMNS, explained, rows, untried
from ca_core.testing.conformance.reports.wording import to_mend

WrittenT = TypeVar("WrittenT")

Watch = Callable[[Result, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was found, and which files hold it now."""

    report: Report
    files: tuple[Path, ...]
    passport: Path | None

    @property
    def is_well(self) -> bool:
        """Say whether the level is reached; of chosen checks, whether none failed."""
        if self.report.left_out:
            return not self.report.of(Outcome.FAILED)
        return self.report.conforms

    def as_json(self) -> dict[str, Any]:
        """Return what programs get; see ``ca_core.cli.answers``."""
        return {
            "OK": self.is_well,
            "Verdict": verdict(self.report),
            "Report": msgspec.to_builtins(document_of(self.report)),
            "Files": [str(path) for path in self.files],
            "Passport": str(self.passport) if self.passport else None,
        }


def run(wanted: Wanted) -> Done:
    """Run the checks, telling on standard error how far they are. Blocks.

    Raises:
        ConfigError: what was typed or configured cannot be run, or nothing can be stated of it;
            told before the first check wherever that is possible.
    """
    level, checks = Level[wanted.level], chosen_checks(wanted)
    subject = subject_of(wanted)
    signing = _Signing.begun(wanted)
    _announce(wanted, len(checks), signing)
    with _watched(len(checks)) as on_result:
        report = run_conformance(subject, level=level, checks=checks, on_result=on_result)
    files = _reports(report, wanted.keeping.folder)
    if signing is not None:
        signing.end(report, subject)
    return Done(report=report, files=files, passport=wanted.keeping.passport)


def show(done: Done) -> None:
    """Write failures with all that mends them, the counts, the verdict, and the next step."""
    report = done.report
    for result in to_mend(report):
        first, *more = explained(result)
        print_lines(f"\n{printable(first)}", style="bold red")
        print_lines("\n".join(printable(line) for line in more))
    print_lines("")
    print_table(COLUMNS, rows(report), empty="No check was run.")
    for line in untried(report):
        print_lines(printable(line), style="dim")
    for path in (*done.files, *filter(None, [done.passport])):
        print_lines(f"written: {path}")
    style = "bold green" if done.is_well else "bold red"
    print_lines(f"\n{printable(verdict(report))}", style=style)
    print_lines(f"next: {_next_step(done)}")


def _next_step(done: Done) -> str:
    report = done.report
    again = f"ca-core provider conformance {report.provider}"
    failed = report.of(Outcome.FAILED)
    if failed:
        return f"mend it, then `{again} --only {failed[0].check.id}` with the same options"
    if report.left_out:
        return f"`{again}` without --only"
    if not done.is_well:
        return f"supply what the checks that were not run need, or `{again} --level L1`"
    if done.passport is not None:
        return f"`ca-core provider verify-passport {done.passport} --key PUBLIC.pem`"
    return "`--passport FILE --sign-key KEY.pem` states this in a form that servers can demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signing:
    """A passport to be: everything that can be refused was, before the first check."""

    path: Path
    key: Any = field(repr=False)
    digest: str

    @classmethod
    def begun(cls, wanted: Wanted) -> "_Signing | None":
        path, key = wanted.keeping.passport, wanted.keeping.sign_key
        if path is None and key is None:
            return None
        if path is None or key is None:
            fault = "--passport and --sign-key go together"
            hint = "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes a key"
            raise ConfigError(fault, where="--passport", hint=hint)
        if wanted.only:
            fault = "speaks of every check; --only leaves some out"
            raise ConfigError(fault, where="--passport", hint="run without --only")
        origin = Registry().origin(wanted.name)
        digest = provable_digest(origin.distribution, origin.entry_point)
        return cls(path=path, key=private_key(key, where="--sign-key"), digest=digest)

    def end(self, report: Report, subject: ProviderUnderTest) -> None:
        passport = signed_report(report, digest=self.digest, keys=subject.keys, key=self.key)
        _told(lambda: written_passport(passport, self.path))


def _announce(wanted: Wanted, count: int, signing: _Signing | None) -> None:
    """Say what a live run does before it does it."""
    origin = Registry().origin(wanted.name)
    source = f"configured in {wanted.file}" if wanted.file else "with no configuration"
    lines = [
        f"{count} check{'s' * (count != 1)} on {origin}, {source}.",
        "This makes authorities, signers and leaves on its backend, and retires what was made.",
    ]
    if signing is not None:
        lines.append(f"The passport will be for distribution hash {signing.digest}.")
    sys.stderr.write("".join(f"{printable(line)}\n" for line in lines))


@contextmanager
def _watched(count: int) -> Iterator[Watch]:
    """Show a bar on a terminal, and a line for each check elsewhere."""
    if not sys.stderr.isatty():
        yield _line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=count)

        def advance(result: Result, done: int, _total: int) -> None:
            bar.update(task, completed=done, description=result.check.id.ljust(_WIDEST))

        yield advance


_WIDEST = max(len(check.id) for check in CHECKS)


def _line(result: Result, done: int, total: int) -> None:
    what = f"{result.check.level.name} {result.check.id}: {result.outcome}"
    sys.stderr.write(f"{done}/{total} {what} ({result.seconds:.2f} s)\n")


def _reports(report: Report, folder: Path | None) -> tuple[Path, ...]:
    return () if folder is None else _told(lambda: write_reports(report, folder))


def _told(write: Callable[[], WrittenT]) -> WrittenT:
    try:
        return write()
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise ConfigError(reason, where=str(error.filename)) from None
