"""``python -m tests.fuzz [--seconds N] [--folder DIR] [TARGET …]``: fuzzing guided by coverage.

Each target is a process of its own; the corpus that atheris finds stays in ``DIR/TARGET``, and is
where the next run begins; DIR is ``.fuzz`` unless told. Ends with 1 if a target broke; the input is
in ``DIR/found``. Without atheris, inputs are drawn.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.seeds import SEEDS, WORDS

ROOT = Path(__file__).parents[2]
SECONDS = 600

SLOWEST = 10
"""Seconds that one input may take."""


def main() -> int:
    """Fuzz the targets named, all of them without a name, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", choices=[*SEEDS, []], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
    asked = parser.parse_args()
    names = asked.targets or SEEDS
    broken = [name for name in names if _fuzzed(name, asked.seconds, asked.folder.resolve())]
    sys.stdout.write(f"broken: {', '.join(broken) or 'none'}\n")
    return 1 if broken else 0


def _fuzzed(name: str, seconds: int, folder: Path) -> int:
    """Run one target; return the exit code of its process."""
    sys.stdout.write(f"== {name}, {seconds} s\n")
    sys.stdout.flush()
    command = _guided(name, seconds, folder) if find_spec("atheris") else _drawn(name, seconds)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _drawn(name: str, seconds: int) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.drawn", name, str(seconds)]


def _guided(name: str, seconds: int, folder: Path) -> list[str]:
    corpus, words, found = _laid_out(name, folder)
    options = [
        f"-max_total_time={seconds}", f"-timeout={SLOWEST}", "-rss_limit_mb=2048", "-max_len=4096",
        f"-dict={words}", f"-artifact_prefix={found}/{name}-", "-print_final_stats=1",
    ]  # fmt: skip
    return [sys.executable, "-m", "tests.fuzz.guided", name, *options, str(corpus)]


def _laid_out(name: str, folder: Path) -> tuple[Path, Path, Path]:
    """Write seeds and words where libFuzzer reads them; return corpus, words, and what breaks."""
    corpus, words, found = folder / name, folder / f"{name}.words", folder / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    lines = ("".join(f"\\x{octet:02x}" for octet in word.encode()) for word in WORDS[name])
    words.write_text("".join(f'"{line}"\n' for line in lines))
    return corpus, words, found


if __name__ == "__main__":
    sys.exit(main())
