"""Import one provider and let it read its configuration; run by ``doctor`` in a child process.

``python -m ca_core.cli.provider_probe NAME`` with the configuration as JSON on standard input. Ends
with 0, or with 1 and one line of JSON: ``{"error": …, "hint": …}``.
"""

import json
import sys

from ca_core.authority.registry import Registry
from ca_core.errors import Error


def main() -> int:
    """Probe the provider named on the command line; return the exit code."""
    text = sys.stdin.read()
    try:
        plugin = Registry().get(sys.argv[1])
        plugin.parse_config(json.loads(text or "{}"))
    except Error as error:
        print(json.dumps({"error": str(error), "hint": error.hint}))  # noqa: T201 - its answer
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
