"""One target with drawn inputs, where no atheris is: ``python -m tests.fuzz.drawn TARGET SECONDS``.

It knows nothing of coverage, and so finds less.
"""

import sys
import time
from random import Random

from tests.fuzz.mutations import mutations
from tests.fuzz.seeds import SEEDS, WORDS
from tests.fuzz.targets import TARGETS


def main(name: str, seconds: float) -> None:
    """Draw until the time is over; an input that breaks the claim is written to standard error."""
    target, ends, seed = TARGETS[name], time.monotonic() + seconds, time.time_ns()
    for count, data in enumerate(mutations(SEEDS[name], WORDS[name], Random(seed))):
        try:
            target(data)
        except Exception as error:
            error.add_note(f"target {name}, input {data!r}")
            raise
        if time.monotonic() > ends:
            sys.stdout.write(f"{count} inputs drawn; no atheris here\n")
            return


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
