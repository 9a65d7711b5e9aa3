"""The conformance report of the Vault provider: ``python -m docs.vaultreport``, with `bao` at hand.

It takes minutes, so `make docs` leaves it alone; `make soak` says whether it is still true.
"""

import dataclasses
import tempfile
from pathlib import Path

from ca_core.testing.conformance import Level, ProviderUnderTest, run_conformance
from ca_core.testing.conformance.reports.markdown import markdown
from tests.vaults.process import VaultProcess, binary
from tests.vaults.subjects import Mounts, subject

PAGE = Path(__file__).parents[1] / "docs/conformance/vault.md"

BEGIN = "<!-- python -m docs.vaultreport writes what follows -->\n"


def report(tried: ProviderUnderTest) -> str:
    """Return what the kit finds up to L3, without times and without its first heading."""
    installed = dataclasses.replace(tried, provider="vault")
    return markdown(run_conformance(installed, level=Level.L3), timed=False).partition("\n\n")[2]


def with_report(page: str, text: str) -> str:
    """Return the page with another report."""
    return page.partition(BEGIN)[0] + BEGIN + text


def main() -> None:
    """Run the kit on a server of its own and write the page anew."""
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        server = VaultProcess(str(binary()), Path(folder) / "server")
        try:
            server.start()
            server.initialise()
            PAGE.write_text(with_report(PAGE.read_text(), report(subject(Mounts(server)))))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
