"""``python -m tests.fuzz [--seconds N] [TARGET …]``: coverage-guided fuzzing with atheris.

Each target is a process of its own; the corpus it finds stays in ``.fuzz/TARGET`` and is where the
next run begins. Ends with 1 if a target broke; the input is in ``.fuzz/found``. Without atheris,
inputs are drawn.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.seeds import SEEDS, WORDS

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".fuzz"
SECONDS = 600

SLOWEST = 10
"""Seconds that one input may take."""


def main() -> int:
    """Fuzz the targets named, all of them without a name, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", choices=[*SEEDS, []], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    asked = parser.parse_args()
    broken = [name for name in asked.targets or SEEDS if _fuzzed(name, asked.seconds)]
    sys.stdout.write(f"broken: {', '.join(broken) or 'none'}\n")
    return 1 if broken else 0


def _fuzzed(name: str, seconds: int) -> int:
    """Run one target; return the exit code of its process."""
    sys.stdout.write(f"== {name}, {seconds} s\n")
    sys.stdout.flush()
    command = _guided(name, seconds) if find_spec("atheris") else _drawn(name, seconds)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _drawn(name: str, seconds: int) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.drawn", name, str(seconds)]


def _guided(name: str, seconds: int) -> list[str]:
    folder, found = _laid_out(name), CORPUS / "found"
    options = [
        f"-max_total_time={seconds}", f"-timeout={SLOWEST}", "-rss_limit_mb=2048", "-max_len=4096",
        f"-dict={CORPUS / name}.words", f"-artifact_prefix={found}/{name}-", "-print_final_stats=1",
    ]  # fmt: skip
    return [sys.executable, "-m", "tests.fuzz.guided", name, *options, str(folder)]


def _laid_out(name: str) -> Path:
    """Write seeds and words where libFuzzer reads them; return the folder of the corpus."""
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    (CORPUS / "found").mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
    lines = ("".join(f"\\x{octet:02x}" for octet in word.encode()) for word in WORDS[name])
    (CORPUS / f"{name}.words").write_text("".join(f'"{line}"\n' for line in lines))
    return folder


if __name__ == "__main__":
    sys.exit(main())
