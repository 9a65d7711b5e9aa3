"""What a server left behind: read from a copy, as the next one will find it."""

import base64
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization

from ca_core.api.storedstate import STATE_FILE
from ca_core.authority.ceilings import ceiling_of
from ca_core.authority.record import COUNTS, LEDGER, RUNS, CountRow, IssuanceRow
from ca_core.authority.rows import (
    AUTHORITIES,
    SIGNERS,
    AuthorityRow,
    Phase,
    authorities,
    current_signer,
    decoded,
)
from ca_core.identity.certificates import fingerprint
from ca_core.state.envelope import opened
from ca_core.state.kek import key_file, read_key_file
from ca_core.state.providerstate import PROVIDER_STATE
from ca_core.state.secrets import SECRETS
from ca_core.state.sqlite import SqliteReader
from ca_core.state.sqlite_file import examined
from ca_core.state.view import View

BEFORE = "before the authority"
NO_SIGNER = "authority, no signer"
NOT_CURRENT = "signer, not current"
CURRENT = "current, not serving yet"
IDLE = "serving, idle"
LOADED = "serving, under load"
PHASES = (BEFORE, NO_SIGNER, NOT_CURRENT, CURRENT, IDLE, LOADED)


@dataclass(frozen=True)
class Remains:
    """A state file's content: its rows, and its ledger of leaves."""

    view: View
    ledger: tuple[IssuanceRow, ...]

    @property
    def serials(self):
        """Return the serial numbers in the ledger."""
        return frozenset(row.serial for row in self.ledger)

    @property
    def authority(self):
        """Return the authority, or None; there is never a second one."""
        found = authorities(self.view)
        assert len(found) <= 1, "a second root"
        return found[0] if found else None

    @property
    def is_marked_running(self):
        """Say whether a server is marked as running, or as one that died."""
        return bool(self.view.table(RUNS))

    @property
    def counted(self):
        """Return how many leaves the last clean stop counted."""
        return sum(decoded(CountRow, row.value).leaves for row in self.view.table(COUNTS).values())

    def covers(self, leaf):
        """Say whether the committed ceiling of the authority is at or above the leaf's end."""
        ceiling = ceiling_of(self.view, self.authority.id)
        return ceiling is not None and leaf.not_after <= ceiling

    def issued_to(self, service):
        """Return the ledger's rows of one service."""
        return [row for row in self.ledger if row.identity.endswith(f"/svc/{service}")]


def remains(data_dir, scratch):
    """Return what lies in ``data_dir``, or None if there is nothing yet; changes nothing there."""
    copy = _copied(data_dir, scratch)
    if not (copy / STATE_FILE).exists() or not examined(copy / STATE_FILE):
        return None
    return standing(copy)


def standing(data_dir):
    """Return what lies in ``data_dir`` at one moment; its server may be alive."""
    reader = SqliteReader(data_dir / STATE_FILE)
    try:
        rows = reader.read(LEDGER, limit=1_000_000)
        ledger = tuple(msgspec.json.decode(row.value, type=IssuanceRow) for row in rows)
        return Remains(view=View.of(reader.load()), ledger=ledger)
    finally:
        reader.close()


def _copied(data_dir, scratch):
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name in (STATE_FILE, f"{STATE_FILE}-wal"):
        if (data_dir / name).exists():
            shutil.copy(data_dir / name, scratch / name)
    return scratch


def phase_of(found, *, was_ready, was_busy):
    """Return how far a server had come when it died."""
    if found is None or found.authority is None:
        return BEFORE
    if current_signer(found.view) is None:
        made = found.view.table(PROVIDER_STATE)
        signers = [key for key in made if "/signer/" in key and key.endswith("/chain")]
        return NOT_CURRENT if signers else NO_SIGNER
    if not was_ready:
        return CURRENT
    return LOADED if was_busy else IDLE


def require_one_of_each(found):
    """One authority, signing; one signer, current; the provider made one key for each."""
    authority = found.authority
    assert authority is not None
    assert authority.phase is Phase.SIGNING
    assert len(found.view.table(AUTHORITIES)) == len(found.view.table(SIGNERS)) == 1
    assert current_signer(found.view) is not None
    assert len(found.view.table(SECRETS)) == 2
    chains = [key for key in found.view.table(PROVIDER_STATE) if key.endswith("/chain")]
    assert len(chains) == 2, chains


def root_of(found):
    """Return the fingerprint of the root in the state, or None."""
    authority: AuthorityRow | None = found.authority if found else None
    return fingerprint(authority.anchor_certificate) if authority else None


def require_no_clear_key(data_dir, found):
    """No file of the data folder holds a private key, or the key-encryption key, in clear."""
    needles = {b"PRIVATE KEY-----"}
    ring = read_key_file(key_file(data_dir)) if key_file(data_dir).exists() else None
    if ring is not None:
        needles |= {form for kek in ring.keys for form in _forms(kek.key)}
    for name, row in (found.view.table(SECRETS) if found else {}).items():
        needles |= _key_forms(opened(name, row.value, ring))
    for path in Path(data_dir).iterdir():
        if path.is_file():
            content = path.read_bytes()
            assert not [path for needle in needles if needle in content], f"clear key in {path}"


def _key_forms(der):
    """Return how a private key (PKCS #8, DER) might lie in a file: whole, or its secret number."""
    key = serialization.load_der_private_key(der, password=None)
    scalar = key.private_numbers().private_value
    return _forms(der) | _forms(scalar.to_bytes((key.key_size + 7) // 8, "big"))


def _forms(raw):
    return {raw, raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(raw)}
