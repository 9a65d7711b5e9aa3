"""Key-encryption keys: where they come from, what is refused, and that nobody sees them."""

import base64
import hashlib
import os
import stat
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ca_core.errors import ConfigError, Error, UnavailableError
from ca_core.state.kek import (
    Kek,
    KeyRing,
    create_key_file,
    key_file,
    keys_from_command,
    keys_from_environment,
    open_key_file,
    read_key_file,
    write_key_file,
)

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()
FOR_EVER = f"import signal; print({TEXT!r}, flush=True); signal.pause()"


@pytest.fixture
def path(tmp_path):
    """Return where a key file may be made."""
    return tmp_path / "data.kek"


def written(path, text, mode=0o600):
    """Write a key file by hand."""
    path.write_text(text)
    path.chmod(mode)
    return path


def test_an_id_is_a_digest_of_the_key():
    """The id can be computed by anybody who has the key, and says nothing about it."""
    assert Kek.of(KEY).id == hashlib.sha256(b"ca-core kek" + KEY).hexdigest()[:16]


def test_reprs_show_ids_only():
    """Neither a key nor a ring shows its bytes in any form."""
    ring = KeyRing((Kek.of(KEY), Kek.made()))
    shown = f"{ring!r} {ring} {ring.keys[0]!r}"
    assert all(key_id in shown for key_id in ring.ids)
    assert repr(KEY) not in shown
    assert KEY.hex() not in shown
    assert TEXT not in shown


def test_the_key_file_lies_beside_the_data_folder(tmp_path, monkeypatch):
    """A copy of the folder, also of one named by a dot, carries no key."""
    monkeypatch.chdir(tmp_path)
    assert key_file(tmp_path / "data") == tmp_path / "data.kek"
    for here in (".", "./", "data/.."):
        assert key_file(type(tmp_path)(here)).parent == tmp_path.parent


def test_the_first_server_makes_a_private_key_file(path):
    """The file is 0600, holds one key, and every later start reads the same one."""
    first = open_key_file(path, [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.keys) == 1
    assert open_key_file(path, []) == first
    assert list(path.parent.iterdir()) == [path]


def test_of_many_first_servers_one_makes_the_key(path):
    """All of them end with the same key."""
    with ThreadPoolExecutor(8) as threads:
        rings = set(threads.map(lambda _: open_key_file(path, []), range(8)))
    assert len(rings) == 1


def test_no_key_is_made_where_secrets_need_another(path):
    """A lost key file is not papered over: the ring is empty and the folder untouched."""
    assert open_key_file(path, ["0123456789abcdef"]) == KeyRing()
    assert not path.exists()


def test_making_a_key_never_replaces_one(path):
    """The file that stands stays."""
    written(path, TEXT)
    create_key_file(path)
    assert path.read_text() == TEXT


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_a_key_file_open_to_others_is_refused_with_the_command(path, mode):
    """The error names the chmod to type and shows no key."""
    with pytest.raises(ConfigError, match=f"{mode:04o}") as refusal:
        read_key_file(written(path, TEXT, mode))
    assert refusal.value.hint == f"chmod 600 {path}"
    assert TEXT not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_that_somebody_else_laid_there_is_refused(path):
    """Whoever made the key knows it: secrets under it would be secrets to nobody."""
    os.chown(written(path, TEXT), 65534, -1)
    with pytest.raises(ConfigError, match="belongs to uid 65534") as refusal:
        open_key_file(path, needed=())
    assert refusal.value.hint.startswith(f"chown 0 {path}")


BAD = {
    "empty": "",
    "words": "correct horse battery staple",
    "short": base64.b64encode(KEY[:31]).decode(),
    "long": base64.b64encode(KEY + b"x").decode(),
    "hex": KEY.hex(),
    "three": f"{TEXT}\n" * 3,
    "not ascii": "ключ",
    "one good, one bad": f"{TEXT} nonsense",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_text_that_is_no_key_is_refused_unseen(path, text):
    """From every source the error names the source, says how to make a key, and shows no text."""
    sources = [
        lambda: read_key_file(written(path, text)),
        lambda: keys_from_environment({"CA_CORE_KEK": text}),
        lambda: keys_from_command([sys.executable, "-c", f"print({text!r})"]),
    ]
    for source in sources:
        with pytest.raises(ConfigError) as refusal:
            source()
        assert refusal.value.where
        assert "base64" in refusal.value.hint
        words = text.split()
        shown = "".join(traceback.format_exception_only(refusal.value))
        assert not any(word in shown for word in words if len(word) > 8)


def test_two_live_keys_are_read_in_order(path):
    """The first one writes, both read."""
    other = base64.b64encode(os.urandom(32)).decode()
    ring = read_key_file(written(path, f"{other}\n{TEXT}\n"))
    assert ring.writer.key == base64.b64decode(other)
    assert ring.get(Kek.of(KEY).id).key == KEY
    assert ring.get("0" * 16) is None


def test_a_new_writer_keeps_the_old_key_readable(path):
    """Changing the key is: put a new one in front, rewrap, drop the old one."""
    old, new = Kek.of(KEY), Kek.made()
    ring = KeyRing((old,)).led_by(new)
    assert ring.ids == (new.id, old.id)
    write_key_file(path, ring)
    assert read_key_file(path) == ring
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ring.led_by(new) == ring


def test_the_environment_may_hold_the_keys():
    """Not set is not the same as empty."""
    assert keys_from_environment({}) is None
    assert keys_from_environment({"CA_CORE_KEK": TEXT}).writer.key == KEY


def test_a_command_may_print_the_keys():
    """A command from the configuration is run without a shell."""
    ring = keys_from_command([sys.executable, "-c", f"print({TEXT!r})"])
    assert ring.writer.key == KEY


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        ([sys.executable, "-c", f"print({TEXT!r}); raise SystemExit(3)"], ConfigError),
        (["/does/not/exist"], ConfigError),
        ([], ConfigError),
        ([sys.executable, "-c", FOR_EVER], UnavailableError),
    ],
)
def test_a_command_that_fails_shows_nothing_it_printed(argv, error):
    """A failure, also after the key was printed, carries no key in any chained error."""
    with pytest.raises(error) as refusal:
        keys_from_command(argv, time_limit=timedelta(seconds=1))
    chain, shown = refusal.value, []
    while chain is not None:
        shown.append(repr(vars(chain)) + repr(chain))
        chain = chain.__cause__ or chain.__context__
    assert isinstance(refusal.value, Error)
    assert TEXT not in "".join(shown)


def test_a_missing_key_file_is_named(path):
    """Reading a file that is not there is a configuration error with its name."""
    with pytest.raises(ConfigError, match=r"data\.kek"):
        read_key_file(path)


def test_a_key_file_that_cannot_be_made_is_named(tmp_path):
    """A folder that does not exist is a configuration error, for making and for replacing."""
    for make in (create_key_file, lambda path: write_key_file(path, KeyRing())):
        with pytest.raises(ConfigError, match="gone"):
            make(tmp_path / "gone" / "data.kek")
