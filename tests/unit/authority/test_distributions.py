"""The digest of a distribution, and every way in which its files can be others."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from ca_core.authority.distributions import installed_digest
from ca_core.errors import ConfigError
from tests.unit.authority.installing import PROVIDER, Installed, row_of

MODULE = "ca_provider_for_digest"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return an installed distribution with one package, on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {f"{MODULE}/__init__.py": PROVIDER, f"{MODULE}/more.py": "A = 1\n"}
    return Installed(tmp_path, files, module=MODULE)


def test_a_digest_is_64_hex_digits_and_imports_nothing(tiny):
    """It can be taken of code that must not run."""
    assert len(bytes.fromhex(tiny.digest)) == 32
    assert MODULE not in sys.modules


def test_what_an_installer_adds_does_not_count(tiny):
    """Two installers, scripts and caches give the same digest for the same wheel."""
    before = tiny.digest
    info = tiny.info.name
    (tiny.info / "INSTALLER").write_text("pip\n")
    tiny.add_row(row_of(f"{info}/INSTALLER", b"pip\n"))
    tiny.add_row(row_of(f"{info}/direct_url.json", b"{}"))
    tiny.add_row(f"{info}/REQUESTED,,\n")
    tiny.add_row(f"{MODULE}/__pycache__/more.cpython-311.pyc,,\n")
    tiny.add_row(row_of("../../bin/tiny", b"#!/elsewhere/python"))
    tiny.add_row(row_of("/usr/share/man/tiny.1", b"text"))
    assert tiny.digest == before


def test_the_order_of_rows_does_not_count(tiny):
    """RECORD is a set of rows."""
    before = tiny.digest
    tiny.record.write_text("".join(reversed(tiny.record.read_text().splitlines(keepends=True))))
    assert tiny.digest == before


def test_another_file_is_another_digest(tiny):
    """A changed file whose row was changed with it is another distribution."""
    before = tiny.digest
    changed = PROVIDER + "\n# patched\n"
    path = f"{MODULE}/__init__.py"
    (tiny.folder / path).write_text(changed)
    tiny.record.write_text(
        tiny.record.read_text().replace(
            row_of(path, PROVIDER.encode()), row_of(path, changed.encode())
        )
    )
    assert tiny.digest != before


def _change_file(tiny):
    (tiny.folder / MODULE / "more.py").write_text("A = 2\n")


def _change_metadata(tiny):
    (tiny.info / "entry_points.txt").write_text("[ca_core.providers]\nother = os\n")


def _hide_code_among_caches(tiny):
    hidden = tiny.folder / MODULE / "__pycache__"
    hidden.mkdir()
    (hidden / "hidden.pyc").write_bytes(b"")  # `import package.__pycache__.hidden` would find it


def _lie_about_size(tiny):
    path = f"{MODULE}/more.py"
    row = row_of(path, b"A = 1\n")
    tiny.record.write_text(tiny.record.read_text().replace(row, row.replace(",6", ",7")))


DAMAGE = {
    "changed file": (_change_file, "more.py was changed"),
    "changed metadata": (_change_metadata, "entry_points.txt was changed"),
    "wrong size": (_lie_about_size, "more.py was changed"),
    "missing file": (
        lambda tiny: (tiny.folder / MODULE / "more.py").unlink(),
        "more.py is missing",
    ),
    "folder in place of a file": (
        lambda tiny: tiny.add_row(row_of(MODULE, b"")),
        f"{MODULE} is missing",
    ),
    "unlisted module": (
        lambda tiny: (tiny.folder / MODULE / "extra.py").write_text(""),
        "extra.py is code that its RECORD does not list",
    ),
    "unlisted extension module": (
        lambda tiny: (tiny.folder / MODULE / "more.abi3.so").write_bytes(b""),
        "more.abi3.so is code",
    ),
    "unlisted package deeper down": (
        lambda tiny: [
            (tiny.folder / MODULE / "more").mkdir(),
            (tiny.folder / MODULE / "more" / "__init__.py").write_text(""),
        ],
        "more/__init__.py is code",
    ),
    "code among the caches": (_hide_code_among_caches, "hidden.pyc is code"),
    "cache that came with the wheel": (
        lambda tiny: tiny.add_row(row_of(f"{MODULE}/__pycache__/more.cpython-311.pyc", b"")),
        "its wheel brings .*more.cpython-311.pyc",
    ),
    "linked folder": (
        lambda tiny: (tiny.folder / MODULE / "sub").symlink_to(tiny.folder),
        "sub is code",
    ),
    "row without a hash": (
        lambda tiny: tiny.add_row(f"{MODULE}/late.py,,\n"),
        "no sound hash of .*late.py",
    ),
    "row with a weak hash": (
        lambda tiny: tiny.add_row(f"{MODULE}/late.py,md5=abc,1\n"),
        "no sound hash of .*late.py",
    ),
    "file listed twice": (
        lambda tiny: tiny.add_row(row_of(f"{MODULE}/more.py", b"A = 2\n")),
        "lists a file twice",
    ),
    "endless row": (lambda tiny: tiny.add_row("x" * 200_000 + ",,\n"), "cannot be understood"),
    "RECORD that is no text": (
        lambda tiny: tiny.record.write_bytes(b"\xff,,\n"),
        "RECORD cannot be understood",
    ),
    "short row": (lambda tiny: tiny.add_row("x.py\n"), "cannot be understood"),
    "no RECORD": (lambda tiny: tiny.record.unlink(), "no RECORD"),
    "editable installation": (Installed.make_editable, "editable installation"),
    "broken direct_url.json": (
        lambda tiny: (tiny.info / "direct_url.json").write_text("["),
        "direct_url.json cannot be understood",
    ),
    "direct_url.json without end": (
        lambda tiny: (tiny.info / "direct_url.json").write_text("[" * 200_000),
        "direct_url.json cannot be understood",
    ),
    "direct_url.json of another shape": (
        lambda tiny: (tiny.info / "direct_url.json").write_text("[]"),
        "direct_url.json cannot be understood",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_installation_has_no_digest(tiny, kind):
    """Whatever is not as the wheel has it is named, before anything is imported."""
    damage, fault = DAMAGE[kind]
    damage(tiny)
    with pytest.raises(ConfigError, match=fault) as caught:
        _ = tiny.digest
    assert "ca-provider-tiny 1.0" in str(caught.value)
    assert MODULE not in sys.modules


def test_an_editable_installation_is_told_what_to_do(tiny):
    """The next step is to install the wheel."""
    tiny.make_editable()
    with pytest.raises(ConfigError) as caught:
        _ = tiny.digest
    assert "pip install" in caught.value.hint


def test_a_module_that_another_folder_would_win_has_no_digest(tiny, tmp_path_factory, monkeypatch):
    """The files may be sound, and still others be imported in their place."""
    shadow = tmp_path_factory.mktemp("shadow")
    (shadow / f"{MODULE}.py").write_text("")
    monkeypatch.syspath_prepend(shadow)
    with pytest.raises(ConfigError, match=r"comes from .*no file of this distribution"):
        _ = tiny.digest


def test_a_second_module_that_another_folder_would_win_has_no_digest(
    tmp_path, tmp_path_factory, monkeypatch
):
    """What the entry point's module imports must be of the wheel as well."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {f"{MODULE}.py": PROVIDER, "second_for_digest.py": "A = 1\n"}
    tiny = Installed(tmp_path, files, module=MODULE)
    assert tiny.digest
    shadow = tmp_path_factory.mktemp("shadow")
    (shadow / "second_for_digest.py").write_text("")
    monkeypatch.syspath_prepend(shadow)
    with pytest.raises(ConfigError, match="module second_for_digest comes from"):
        _ = tiny.digest


def test_compiled_caches_are_no_code_of_their_own(tiny):
    """Python writes them where it runs, listed or not."""
    before = tiny.digest
    cache = tiny.folder / MODULE / "__pycache__"
    cache.mkdir()
    (cache / "more.cpython-311.pyc").write_bytes(b"")
    assert tiny.digest == before


@pytest.mark.parametrize("module", ["json", "sys", "no_such_module", f"{MODULE}.nothing", "."])
def test_an_entry_point_into_other_code_has_no_digest(tiny, module):
    """A passport must not speak of files that are never run."""
    with pytest.raises(ConfigError, match="no file of this distribution"):
        installed_digest(tiny.distribution, module=module)


def test_a_submodule_is_found_without_importing_its_package(tiny):
    """Looking for the file runs nothing."""
    installed_digest(tiny.distribution, module=f"{MODULE}.more")
    assert MODULE not in sys.modules


def test_a_folder_shared_with_other_distributions_may_hold_their_code(tmp_path, monkeypatch):
    """A namespace package belongs to nobody alone."""
    monkeypatch.syspath_prepend(tmp_path)
    tiny = Installed(
        tmp_path, {"shared_for_digest/tiny.py": PROVIDER}, module="shared_for_digest.tiny"
    )
    (tmp_path / "shared_for_digest" / "other.py").write_text("")
    assert tiny.digest


def test_a_shared_folder_that_becomes_somebodys_package_has_no_digest(tmp_path, monkeypatch):
    """Its first file would run before the recorded module does."""
    monkeypatch.syspath_prepend(tmp_path)
    tiny = Installed(
        tmp_path, {"taken_for_digest/tiny.py": PROVIDER}, module="taken_for_digest.tiny"
    )
    assert tiny.digest
    (tmp_path / "taken_for_digest" / "__init__.py").write_text("")
    with pytest.raises(ConfigError, match="module taken_for_digest comes from"):
        _ = tiny.digest


def test_a_package_that_begins_with_an_extension_module_is_one_too(tmp_path, monkeypatch):
    """Code beside it must be recorded, as beside any ``__init__.py``."""
    monkeypatch.syspath_prepend(tmp_path)
    first = f"compiled_for_digest/__init__{EXTENSION_SUFFIXES[0]}"
    tiny = Installed(tmp_path, {first: ""}, module="compiled_for_digest")
    assert tiny.digest
    (tmp_path / "compiled_for_digest" / "extra.py").write_text("")
    with pytest.raises(ConfigError, match=r"extra\.py is code"):
        _ = tiny.digest


def test_nested_shared_folders_are_refused_rather_than_imported(tmp_path, monkeypatch):
    """What can only be told by importing is not told."""
    monkeypatch.syspath_prepend(tmp_path)
    module = "shared_for_digest_a.b.tiny"
    tiny = Installed(tmp_path, {"shared_for_digest_a/b/tiny.py": PROVIDER}, module=module)
    with pytest.raises(ConfigError, match="nowhere"):
        _ = tiny.digest
