"""``ca-core intention``: which service may connect to which."""

from ca_core.cli import (
    intention_authorizing,
    intention_proving,
    intention_reading,
    intention_writing,
)
from ca_core.cli.options import command_app

app = command_app(
    "Say which service may connect to which.",
    examples="""
Examples:
  ca-core intention create web db            web may connect to db
  ca-core intention create --deny '*' db     and nobody else
  ca-core intention check web db             may it?
  ca-core intention match db                 everything that counts for db, in order
  ca-core intention explain web db           why?
  ca-core intention diff wanted.toml         what would a change newly allow and deny?
  ca-core intention list

An exact name goes before `*`, and the destination before the source. Where no intention matches,
the default counts.
""",
)

intention_writing.add_to(app)
intention_reading.add_to(app)
intention_proving.add_to(app)
intention_authorizing.add_to(app)
