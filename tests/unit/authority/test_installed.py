"""What is installed: every package's metadata is read for itself."""

import sys

import pytest

from ca_core.authority.installed import described, found_plugins


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that lays a distribution's metadata into a folder of ``sys.path``."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def lay(name, points, *, folder="", version="1.0"):
        info = tmp_path / folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(points)
        return info

    return lay


def found():
    """Return (group, name, distribution, version) of what is found, ours aside."""
    every = (described(entry) for entry in found_plugins().entry_points)
    return [
        (one.group, one.name, one.distribution, one.version)
        for one in every
        if one.distribution != "ca-core"
    ]


def test_both_groups_are_found_and_no_other(install):
    """Console scripts and the like are none of our business."""
    install(
        "acme", "[ca_core.providers]\na = m\n[ca_core.plugins]\nb = n\n[console_scripts]\nc = o:p\n"
    )
    assert found() == [
        ("ca_core.providers", "a", "acme", "1.0"),
        ("ca_core.plugins", "b", "acme", "1.0"),
    ]


@pytest.mark.parametrize(
    ("file", "content"),
    [("entry_points.txt", "[ca_core.providers]\nno equals sign\n"), ("METADATA", "Version: 1\n")],
)
def test_a_package_with_broken_metadata_hides_no_other(install, file, content):
    """It is named instead, so that doctor can say so."""
    broken = install("broken", "[ca_core.providers]\nx = y\n")
    (broken / file).write_text(content)
    install("sound", "[ca_core.providers]\na = m\n")
    assert [name for _, name, *_ in found()] == ["a"]
    (told,) = [line for line in found_plugins().unreadable if "broken" in line]
    assert "in its metadata" in told


def test_of_two_copies_of_a_package_the_first_on_the_path_counts(install, tmp_path, monkeypatch):
    """As for ``import``: the other copy is not a second owner of the name."""
    install("Acme.Plugins", "[ca_core.providers]\na = m\n")
    install("acme_plugins", "[ca_core.providers]\na = m\n", folder="later", version="2.0")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "later")])
    assert found() == [("ca_core.providers", "a", "Acme.Plugins", "1.0")]
