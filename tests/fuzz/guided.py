"""One target under atheris: ``python -m tests.fuzz.guided TARGET`` and libFuzzer's own options."""

import sys

import atheris

with atheris.instrument_imports(include=["ca_core", "tests.fuzz", "tomllib", "json"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until the options say to stop; libFuzzer ends the process."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
