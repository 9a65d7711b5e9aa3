"""Files that change together, or not at all."""

import contextlib
import os
import stat
import threading

import pytest

from ca_core.agent.fileset import FileContent, read_set, swap
from ca_core.errors import ConfigError


def content(text, mode=0o600):
    """Return a set of two files that say the same."""
    return {"a.pem": FileContent(text.encode(), 0o644), "b.pem": FileContent(text.encode(), mode)}


def names(directory):
    """Return what lies in a folder."""
    return sorted(path.name for path in directory.iterdir())


def test_a_set_is_readable_under_its_stable_names(tmp_path):
    """Names lead through ``current`` to the newest set; modes are as asked for."""
    swap(tmp_path / "out", content("one"))
    swap(tmp_path / "out", content("two"))
    assert (tmp_path / "out" / "a.pem").read_text() == "two"
    assert stat.S_IMODE((tmp_path / "out" / "b.pem").stat().st_mode) == 0o600
    assert str((tmp_path / "out" / "a.pem").readlink()) == "current/a.pem"


def test_only_the_new_and_the_previous_set_are_kept(tmp_path):
    """Old sets, which hold keys, do not pile up."""
    for number in range(5):
        swap(tmp_path, content(str(number)))
    sets = [name for name in names(tmp_path) if name.startswith(".set-")]
    assert len(sets) == 2
    assert len(names(tmp_path)) == 5  # two sets, current, and the two stable links


def test_a_set_and_its_keys_are_closed_to_others_from_the_first_moment(tmp_path):
    """A set's folder is 0700 unless asked otherwise; the folder of links lets others pass."""
    old = os.umask(0)
    try:
        swap(tmp_path / "x", content("one"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "x" / "current").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "x" / "current" / "b.pem").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_refused_by_its_name(tmp_path):
    """The reason is the system's."""
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "x"
    with pytest.raises(ConfigError, match=r"cannot be written \(Not a directory\)") as caught:
        swap(where, content("one"))
    assert caught.value.where == str(where)


def test_a_file_that_is_not_ours_is_not_touched(tmp_path):
    """A regular file under one of the names refuses the whole change and stays."""
    (tmp_path / "a.pem").write_text("precious")
    with pytest.raises(ConfigError, match="not written by ca-core"):
        swap(tmp_path, content("one"))
    assert (tmp_path / "a.pem").read_text() == "precious"
    assert names(tmp_path) == ["a.pem"]


def test_a_crash_before_the_rename_leaves_the_old_set(tmp_path, monkeypatch):
    """Whatever write fails, readers see the complete old set, and the next change works."""
    swap(tmp_path, content("old"))
    for step in range(1, 12):
        with monkeypatch.context() as patched:
            _fail_at(patched, step)
            with contextlib.suppress(ConfigError):
                swap(tmp_path, content(f"new {step}"))
        found = read_set(tmp_path, ("a.pem", "b.pem"))
        assert found["a.pem"] == found["b.pem"]
    swap(tmp_path, content("last"))
    assert read_set(tmp_path, ("a.pem",)) == {"a.pem": b"last"}
    assert len([name for name in names(tmp_path) if name.startswith(".set-")]) == 2


def _fail_at(patched, step):
    """Let the ``step``-th of the calls that change a disk fail."""
    left = [step]

    def failing(real):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                raise OSError(28, "No space left on device", "x")
            return real(*args, **kwargs)

        return call

    for name in ("mkdir", "fsync", "symlink", "replace", "open"):
        patched.setattr(os, name, failing(getattr(os, name)))


def test_a_reader_of_one_set_never_sees_a_mixture(tmp_path):
    """While sets are swapped as fast as possible, every set read is whole."""
    swap(tmp_path, content("0"))
    done = threading.Event()

    def writing():
        for number in range(60):
            swap(tmp_path, content(str(number)))
        done.set()

    writer = threading.Thread(target=writing)
    writer.start()
    seen = 0
    while not done.is_set():
        found = read_set(tmp_path, ("a.pem", "b.pem"))
        assert found["a.pem"] == found["b.pem"]
        seen += 1
    writer.join()
    assert seen


def test_writers_in_two_threads_do_not_remove_each_others_sets(tmp_path):
    """The folder's lock makes changes one after the other."""
    failures = []

    def writing(mark):
        try:
            for number in range(20):
                swap(tmp_path, content(f"{mark}{number}"))
        except ConfigError as error:
            failures.append(error)

    writers = [threading.Thread(target=writing, args=(mark,)) for mark in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert read_set(tmp_path, ("a.pem", "b.pem")) is not None


def test_an_unwritable_place_is_named(tmp_path):
    """The error says which path, not only that something failed."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file"):
        swap(tmp_path / "file" / "out", content("one"))


def test_content_is_not_in_a_repr():
    """A key never shows in a log of the set."""
    assert "secret" not in repr(FileContent(b"secret"))
