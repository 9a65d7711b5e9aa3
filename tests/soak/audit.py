"""What the soak sees, and what it may never see."""

import bisect
import gc
import os
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ca_core.agent.renewal import EARLIEST, LATEST
from ca_core.identity.certificates import parse_certificates

PATIENCE = 1800.0
"""Seconds that a program waits at most before it asks again in vain; news of its host end that."""

BINS = 30
_BURST = 1.0
"""Seconds of its rate that admission control lets pass at once after a quiet time."""
_ON_TIME = 65.0
"""Seconds after its moment by which an undisturbed renewal is done: one answer in 500 is lost, and
asked for again in the next retry window, or the one after it."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process takes at one moment."""

    tasks: int
    records: int
    entries: int
    rows: int
    threads: int
    files: int
    resident: int


class Audit:
    """Notes what happens, and fails at the first thing that must not.

    Attributes:
        answers: leaves that were answered, by how.
        late: undisturbed renewals that were not done at their moment.
        moments: by generation, where in the life of a leaf its renewal was drawn, 0 to 1.
        footprints: one a day.
    """

    def __init__(self, clock, leaves):
        self.clock = clock
        self.answers = Counter()
        self.late = []
        self.moments = defaultdict(list)
        self.footprints = []
        self._leaves = leaves
        self._signed = []
        self._rates = []

    def signed(self):
        """Note that a leaf was signed now."""
        self._signed.append(self.clock.monotonic())

    def rate_is(self, rate):
        """Note how many signatures a second are allowed from now on."""
        self._rates.append((self.clock.monotonic(), rate))

    @property
    def bound(self):
        """Return the seconds in which everything due is renewed once a server is reachable.

        All leaves at the lowest rate; one retry window before, in which the retry of what failed
        lies, and one for what was refused; the pauses of the loops that ask (4 s), twice.
        """
        return self._leaves / min(rate for _, rate in self._rates) + 2 * 30 + 2 * 4

    def answered(self, program, answer, leaf, now):
        """Check an answer, and note a new leaf.

        Args:
            program: who asked.
            answer: what it was given.
            leaf: the record's, at that moment.
            now: by the clock of its host.
        """
        if program.seen is None or program.seen.serial != answer.cert.serial_number:
            program.seen = Seen.of(answer.cert, leaf)
            self._drawn(program, leaf)
        begins, ends = program.seen.span
        assert begins <= now <= ends, f"{program} was answered {begins} to {ends} at {now}"
        self.answers["hit" if answer.hit else "waited"] += 1

    def refused(self, record, now):
        """Note that somebody was given nothing, and whether a leaf was kept back from it."""
        leaf = None if record is None else record.leaf
        if leaf is None or leaf.servable(now):
            self.answers["refused"] += 1
        else:
            self.answers["expired" if now > leaf.not_after else "not yet valid"] += 1

    def _drawn(self, program, leaf):
        life = leaf.not_after - leaf.issued_at
        self.moments[program.generation].append((leaf.renew_at - leaf.issued_at) / life)
        program.generation += 1

    def renewed(self, site, record, before):
        """Check that a leaf was renewed at the moment that was drawn for it, and no other."""
        early = record.leaf.issued_at < before.renew_at and not site.clock.skew
        if early and record.leaf.signer_key_id == before.signer_key_id and site.calm > self.bound:
            self.late.append(f"{record.name.service}: before {before.renew_at}")
        over = (record.leaf.issued_at - before.renew_at).total_seconds()
        if over > _ON_TIME and site.calm > over + self.bound:
            self.late.append(f"{record.name.service}: {over:.0f} s after its moment")

    def look_at(self, site):
        """Check that nothing on a host is overdue that a reachable server would have given."""
        if site.agent is None or site.calm <= self.bound:
            return
        latest = site.clock.now() - timedelta(seconds=self.bound)
        for program in site.programs:
            record = program.record
            if record is None or record.leaf is None:
                patience = 4 * self.bound  # whoever came too early waits twice as long each time
                vain = min(program.lacks, site.calm)
                assert vain <= patience, f"{program} gets no leaf: {program.refusal}"
            elif record.leaf.renew_at < latest or (record.hurry and record.hurry[1] < latest):
                self.late.append(f"{program}: missed {record.leaf.renew_at}, {record.error}")
            assert record is None or record.leaf is None or record.leaf.servable(site.clock.now())

    def check_admission(self):
        """Fail if more was signed in any second, or ten, than admission control allows."""
        for window in (1.0, 10.0):
            for last, at in enumerate(self._signed):
                first = bisect.bisect_right(self._signed, at - window)
                most = (window + _BURST) * self._highest(at - window - 2, at) + 1
                assert last - first + 1 <= most, f"{last - first + 1} in {window} s at {at}"

    def _highest(self, begin, end):
        """Return the highest rate in force somewhere in a span."""
        first = max(0, bisect.bisect_right(self._rates, (begin, 0.0)) - 1)
        return max(rate for at, rate in self._rates[first:] if at <= end)

    def crowded(self):
        """Return the bins that hold more than twice the mean, of every whole generation."""
        found = []
        for generation, drawn in self.moments.items():
            if len(drawn) < self._leaves:
                continue
            width = (LATEST - EARLIEST) / BINS
            bins = Counter(min(BINS - 1, int((one - EARLIEST) / width)) for one in drawn)
            found += [(generation, b, n) for b, n in bins.items() if n > 2 * len(drawn) / BINS]
        return found

    def measure(self, mesh):
        """Note what everything takes now."""
        gc.collect()
        agents = [site.agent for site in mesh.sites if site.agent is not None]
        self.footprints.append(
            Footprint(
                tasks=mesh.tasks,
                records=sum(len(agent.leaves) for agent in agents),
                entries=sum(len(agent.leaves._timetable) for agent in agents),
                rows=sum(map(len, mesh.disk.snapshot().tables.values())),
                threads=threading.active_count(),
                files=len(list(Path("/proc/self/fd").iterdir())),
                resident=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
            )
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """The leaf that a program holds, read from its certificate."""

    serial: str
    span: tuple

    @classmethod
    def of(cls, cert, leaf):
        """Read it, and check that the agent knows when it is valid."""
        parsed = parse_certificates(cert.cert_pem.encode(), field="leaf")[0]
        span = (parsed.not_valid_before_utc, parsed.not_valid_after_utc)
        assert span == (leaf.not_before, leaf.not_after)
        return cls(cert.serial_number, span)
