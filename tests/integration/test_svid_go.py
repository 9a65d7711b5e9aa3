"""Leaves and CSRs in the eyes of Go's crypto/x509, where a Go compiler is at hand."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ca_core.identity.certificates import pem_chain
from ca_core.identity.csr import check_csr, load_csr
from tests.integration.svid import (
    CA_KEYS,
    LEAF_KEYS,
    WEB,
    authority,
    corporate,
    key_of,
    leaf_under,
    write,
)

GO = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
SOURCE = Path(__file__).with_name("go") / "judge.go"
pytestmark = [
    pytest.mark.soak,  # the first build of Go's TLS library takes a quarter of a minute
    pytest.mark.skipif(GO is None, reason="no Go compiler on this machine"),
]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the judge; standard library only, no network."""
    folder = tmp_path_factory.mktemp("go")
    environment = os.environ | {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    subprocess.run(
        [str(GO), "build", "-o", folder / "judge", SOURCE],
        env=environment,
        check=True,
        timeout=300,
    )
    return folder / "judge"


@pytest.mark.timeout(300)
def test_gos_verifier_accepts_every_chain(judge: Path, tmp_path: Path):
    """Own root and corporate-signed, every CA key, every leaf key, both purposes."""
    for made, kind in ((authority, "own"), (corporate, "corporate")):
        for ca_key in CA_KEYS:
            for leaf_key in LEAF_KEYS:
                chain = made(ca_key)
                folder = tmp_path / f"{kind}-{ca_key}-{leaf_key}"
                folder.mkdir()
                write(folder / "leaf.pem", pem_chain([leaf_under(chain, key_of(leaf_key, 9))]))
                write(folder / "between.pem", pem_chain(chain.between))
                write(folder / "anchor.pem", pem_chain([chain.anchor.certificate]))
    folders = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [judge, "verify", *folders], capture_output=True, check=True, timeout=60, text=True
    )
    assert done.stdout.splitlines() == [f"{folder.name}: ok" for folder in folders]


@pytest.mark.timeout(300)
def test_a_csr_as_go_makes_it_is_accepted(judge: Path):
    """A CN and a SAN that is not critical are read over."""
    done = subprocess.run(
        [judge, "csr", str(WEB)], capture_output=True, check=True, timeout=60, text=True
    )
    found = check_csr(load_csr(done.stdout))
    assert (found.identity, found.plain) == (WEB, False)
