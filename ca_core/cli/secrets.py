"""``ca-core secrets``: the key under which every secret is kept."""

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.output import print_facts, print_json, print_lines, progress
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Change the key under which every secret is kept.",
    examples="""
Example:
  ca-core secrets rekey
""",
)

REKEY = "/v1/cluster/rekey"


@app.callback()
def group() -> None:
    """Change the key under which every secret is kept."""


@app.command(
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core secrets rekey

With a key file, a new key is made and the old one goes once every secret is rewrapped. With
CA_CORE_KEK or kek_command, put the new key before the old one, restart, then run this.
Interrupted, it goes on where it stopped. Backups made before need the old key: keep a copy of it
beside them. Next: back up the new key file.
""",
)
def rekey(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Rewrap every secret with a new key-encryption key."""
    from ca_core.cli.client import PATIENT  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client, progress("rewrapping the secrets"):
        answer = client.put(REKEY, timeout=PATIENT).decoded(dict)
    if output is Output.JSON:
        print_json(answer)
        return
    facts = [("key", str(answer.get("KeyID"))), ("secrets", str(answer.get("Rewrapped")))]
    print_facts(facts, title="Every secret is under the new key")
    print_lines("\nBackups made before this need the old key; `ca-core backup` makes a new one.")
