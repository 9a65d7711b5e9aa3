"""`provider conformance` and `provider verify-passport`, and what doctor says of passports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca_core.authority.passportkeys import key_id
from ca_core.authority.passports import parse_passport, signed_passport
from ca_core.cli import conformance_subject as typed
from ca_core.contract import ConfigError
from ca_core.testing.conformance import CHECKS, Level
from tests.unit.authority.installing import PROVIDER, Installed

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MODULE = "ca_provider_for_commands"
BREAKING = PROVIDER.replace(
    "    return reference_plugin()",
    """    import dataclasses
    inner = reference_plugin()
    def create(config, context):
        made = inner.create(config, context)
        made.sign_leaf = lambda request: 1 / 0
        return made
    return dataclasses.replace(inner, create=create)""",
)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return an installed provider ``tiny``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield Installed(folder, {f"{MODULE}.py": PROVIDER}, module=MODULE)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def breaking(tmp_path, monkeypatch):
    """Return an installed provider ``tiny`` that signs no leaf."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield Installed(folder, {f"{MODULE}.py": BREAKING}, module=MODULE)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def keys(tmp_path):
    """Return files of a private and a public key, by openssl."""
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


RUN = ("provider", "conformance")
VERIFY = ("provider", "verify-passport")


def test_a_provider_that_reaches_the_level_ends_with_0(run):
    """Counts by level, the verdict, the next step."""
    found = run(*RUN, "builtin", "--fake-clock", "--level", "L0")
    assert found.exit_code == 0, found.output
    assert "builtin conforms to L0." in found.stdout
    assert "next: " in found.stdout


def test_progress_goes_to_standard_error_with_a_line_for_each_check(run):
    """What programs read stays clean."""
    found = run(*RUN, "builtin", "--level", "L0")
    total = len(CHECKS.up_to(Level.L0))
    lines = [line for line in found.stderr.splitlines() if "/" in line.partition(" ")[0]]
    assert lines[-1].startswith(f"{total}/{total} L0 ")
    assert len(lines) == total


def test_a_live_run_says_first_what_it_will_do(run):
    """It makes objects on a backend that may be somebody's."""
    found = run(*RUN, "builtin", "--only", "leaf.key")
    announced, _, _ = found.stderr.partition("1/1 ")
    assert "1 check on builtin (ca-core" in announced
    assert "makes authorities, signers and leaves" in announced
    assert "retires" in announced


@pytest.mark.usefixtures("breaking")
def test_a_failure_ends_with_1_and_explains_itself(run):
    """Id, rule, what was seen, why, sources, fix; then what to type."""
    found = run(*RUN, "tiny", "--only", "leaf.key")
    check = CHECKS.get("leaf.key")
    assert found.exit_code == 1
    for part in ("leaf.key (L1): failed", check.rule, check.why, check.fix, check.sources[0]):
        assert part in found.stdout
    assert "ZeroDivisionError" in found.stdout
    assert "--only leaf.key" in found.stdout


def test_chosen_checks_speak_of_no_level(run):
    """They end with 0 if none failed, and say what was left out."""
    found = run(*RUN, "builtin", "--only", "leaf.key", "--only", "leaf.key")
    assert found.exit_code == 0
    assert "says nothing of a level" in found.stdout
    assert "without --only" in found.stdout


def test_programs_get_the_report_of_the_schema(run):
    """`--output json` and the file of `--report` are the same document."""
    found = run(*RUN, "builtin", "--level", "L0", "--report", "out", "-o", "json")
    answer = json.loads(found.stdout)
    (file,) = (path for path in answer["Files"] if path.endswith("conformance.json"))
    assert json.loads(Path(file).read_text()) == answer["Report"]
    assert answer["OK"] is True


def test_the_configuration_of_the_file_is_used(run, tmp_path):
    """A wrong key below [ca.config] is seen by the provider."""
    file = tmp_path / "ca.toml"
    file.write_text('[ca]\nprovider = "consul"\n[ca.config]\nno_such_key = 1\n')
    found = run(*RUN, "builtin", "--config", str(file), "--only", "leaf.key")
    assert "needs a provider that opens" in found.stdout + found.stderr
    assert "not run" in found.stdout


def test_a_file_of_another_provider_is_refused(run, tmp_path):
    """Its [ca.config] would mean nothing."""
    file = tmp_path / "ca.toml"
    file.write_text('[ca]\nprovider = "vault"\n')
    found = run(*RUN, "builtin", "--config", str(file))
    assert found.exit_code == 2
    assert "configures 'vault', not 'builtin'" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("nobody",), "no provider 'nobody'"),
        (("builtin", "--only", "leaf.kye"), "did you mean 'leaf.key'"),
        (("builtin", "--passport", "p.json"), "go together"),
        (("builtin", "--sign-key", "k.pem"), "go together"),
        (("builtin", "--http-backend", "http://127.0.0.1:1"), "no key below"),
        (("builtin", "--level", "L9"), "L9"),
        (("builtin", "--ca-key", "ec-265"), "did you mean 'ec-256'"),
    ],
)
def test_what_cannot_be_run_is_told_before_the_first_check(run, arguments, fault):
    """Nobody waits a minute for a mistake in the command."""
    found = run(*RUN, *arguments)
    assert found.exit_code == 2
    assert fault in found.stderr
    assert "1/" not in found.stderr


def test_a_passport_of_the_core_itself_needs_its_wheel(run, keys):
    """An editable installation has none; told before the first check."""
    found = run(*RUN, "builtin", "--passport", "p.json", "--sign-key", str(keys[0]))
    assert found.exit_code == 2
    assert "1/" not in found.stderr


def test_a_folder_that_cannot_be_written_is_told(run, tmp_path):
    """A file in its place is an operator's mistake."""
    (tmp_path / "taken").write_text("")
    found = run(*RUN, "builtin", "--only", "leaf.key", "--report", str(tmp_path / "taken"))
    assert found.exit_code == 2
    assert "taken" in found.stderr


@pytest.mark.usefixtures("tiny")
def test_a_passport_is_made_and_verified(run, keys):
    """From the run to the statement that a server demands."""
    private, public = keys
    made = run(*RUN, "tiny", "--level", "L0", "--passport", "p.json", "--sign-key", str(private))
    assert made.exit_code == 0, made.output
    assert "distribution hash" in made.stderr
    found = run(*VERIFY, "p.json", "--key", str(public), "-o", "json")
    answer = json.loads(found.stdout)
    assert found.exit_code == 0
    assert answer["Installed"] == "same"
    assert answer["Statement"]["level_reached"] == "L0"
    assert answer["SignedBy"] == [answer["TrustedKey"]]
    told = run(*VERIFY, "p.json", "--key", str(public)).stdout
    assert "exactly this distribution" in told
    assert "yes, by key" in told


@pytest.mark.usefixtures("tiny")
def test_no_passport_for_chosen_checks(run, keys):
    """One check that passes is no level."""
    arguments = ("--only", "leaf.key", "--passport", "p.json", "--sign-key", str(keys[0]))
    found = run(*RUN, "tiny", *arguments)
    assert found.exit_code == 2
    assert "--only" in found.stderr
    assert "1/1" not in found.stderr


@pytest.fixture
def passport(tiny, tmp_path):
    """Return a file with a passport of the installed provider, by ``KEY``."""
    file = tmp_path / "tiny.json"
    file.write_bytes(signed_passport(tiny.statement(), KEY))
    return file


@pytest.fixture
def trusting(tmp_path):
    """Return a configuration file that trusts ``KEY`` and demands L2."""
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "trusted.pem").write_bytes(pem)
    file = tmp_path / "ca-core.toml"
    file.write_text(
        '[ca]\nprovider = "tiny"\n[conformance]\nrequire_conformance = "L2"\n'
        f'trusted_keys = ["{tmp_path / "trusted.pem"}"]\npassports = "{tmp_path / "kept"}"\n'
    )
    (tmp_path / "kept").mkdir()
    return file


def test_the_keys_of_the_configuration_count(run, passport, trusting):
    """An operator verifies with what the server trusts."""
    found = run(*VERIFY, str(passport), "--config", str(trusting), "-o", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["TrustedKey"] == key_id(KEY.public_key())


def test_a_passport_by_a_stranger_is_shown_and_ends_with_1(run, passport, keys):
    """What it says may be read; it is not to be believed."""
    found = run(*VERIFY, str(passport), "--key", str(keys[1]))
    assert found.exit_code == 1
    assert "NO: by no trusted key" in found.stdout
    assert "ca-provider-tiny 1.0" in found.stdout


def test_a_passport_without_any_trusted_key_ends_with_1(run, passport):
    """Nobody's signature is nobody's word."""
    assert run(*VERIFY, str(passport)).exit_code == 1


def test_a_changed_file_is_found_by_verifying(run, passport, trusting, tiny):
    """The distribution is no longer the one that was tried."""
    (tiny.folder / f"{MODULE}.py").write_text(PROVIDER + "\n")
    found = run(*VERIFY, str(passport), "--config", str(trusting))
    assert found.exit_code == 1
    assert f"NOT this: ca-provider-tiny 1.0: {MODULE}.py was changed" in found.stdout


def test_a_passport_of_another_version_is_found_by_verifying(run, tiny, tmp_path, trusting):
    """It is told what it is for and what is here."""
    file = tmp_path / "old.json"
    file.write_bytes(signed_passport(tiny.statement(version="0.9"), KEY))
    found = run(*VERIFY, str(file), "--config", str(trusting))
    assert found.exit_code == 1
    assert "it is for version 0.9, installed is 1.0" in found.stdout


def test_a_passport_of_a_provider_that_its_package_does_not_offer(run, tiny, tmp_path, trusting):
    """The package is there, the provider is not."""
    file = tmp_path / "other.json"
    file.write_bytes(signed_passport(tiny.statement(provider="gone"), KEY))
    found = run(*VERIFY, str(file), "--config", str(trusting), "-o", "json")
    assert found.exit_code == 1
    assert "offers no provider 'gone'" in json.loads(found.stdout)["Fault"]


def test_a_passport_of_what_is_not_installed_here_can_be_verified(run, tiny, tmp_path, trusting):
    """The signature holds on any machine."""
    file = tmp_path / "away.json"
    file.write_bytes(signed_passport(tiny.statement(distribution="ca-provider-away"), KEY))
    found = run(*VERIFY, str(file), "--config", str(trusting), "-o", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["Installed"] == "absent"


def test_a_passport_for_another_contract_is_not_valid(run, tiny, tmp_path, trusting):
    """The server would refuse it too."""
    file = tmp_path / "later.json"
    file.write_bytes(signed_passport(tiny.statement(contract=99), KEY))
    found = run(*VERIFY, str(file), "--config", str(trusting))
    assert found.exit_code == 1
    assert "99 (this core has 1)" in found.stdout


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100, b"[" * 100_000])
def test_a_file_that_is_no_passport_ends_with_2(run, tmp_path, content):
    """The message names the file."""
    (tmp_path / "p.json").write_bytes(content)
    found = run(*VERIFY, str(tmp_path / "p.json"))
    assert found.exit_code == 2
    assert "p.json: no passport" in found.stderr


def test_doctor_finds_a_missing_passport(run, tiny, trusting):
    """The finding names the command that makes it."""
    findings = json.loads(run("doctor", "--config", str(trusting), "-o", "json").stdout)["Findings"]
    (one,) = (finding for finding in findings if finding["Check"] == "passport")
    assert one["Level"] == "failure"
    assert "ca-core provider conformance tiny" in one["Hint"]
    assert tiny.module in one["Detail"]


def test_doctor_is_content_with_a_passport(run, passport, trusting):
    """It is judged as the server judges it."""
    passport.rename(passport.parent / "kept" / "tiny.json")
    findings = json.loads(run("doctor", "--config", str(trusting), "-o", "json").stdout)["Findings"]
    (one,) = (finding for finding in findings if finding["Check"] == "passport")
    assert (one["Level"], one["Detail"]) == (
        "ok", "tiny has one of level L2 or more, by a trusted key",
    )  # fmt: skip


def test_doctor_skips_what_is_not_demanded(run):
    """By default no passport is needed."""
    findings = json.loads(run("doctor", "-o", "json").stdout)["Findings"]
    (one,) = (finding for finding in findings if finding["Check"] == "passport")
    assert one["Level"] == "skipped"


def test_the_proxy_takes_the_place_of_the_backend_at_any_depth(tmp_path):
    """Only values that are the backend's URL are replaced, and the file's stay as they are."""
    file = tmp_path / "ca.toml"
    file.write_text(
        '[ca]\nprovider = "tiny"\n[ca.config]\naddress = "http://b:1"\nname = "http://b:1/x"\n'
        'nodes = ["http://b:1", "http://c:1"]\n[ca.config.auth]\nurl = "http://b:1"\n'
    )
    wanted = typed.Wanted(name="tiny", file=file, http_backend="http://b:1")
    subject = typed.subject_of(wanted)
    assert subject.make_config("http://proxy") == {
        "address": "http://proxy",
        "name": "http://b:1/x",
        "nodes": ["http://proxy", "http://c:1"],
        "auth": {"url": "http://proxy"},
    }
    assert subject.make_config(None)["address"] == "http://b:1"
    assert subject.backend == "http://b:1"
    with pytest.raises(ConfigError, match="--http-backend"):
        typed.subject_of(typed.Wanted(name="tiny", file=file, http_backend="http://z:1"))


def test_time_is_played_only_if_asked_for():
    """A backend with a clock of its own would not follow."""
    assert typed.subject_of(typed.Wanted(name="builtin")).clock is None
    assert typed.subject_of(typed.Wanted(name="builtin", fake_clock=True)).clock is not None


def test_another_configuration_comes_from_another_file(tmp_path):
    """Without one, what needs it is not run."""
    file = tmp_path / "other.toml"
    file.write_text("[ca.config]\nintermediates = false\n")
    named = typed.subject_of(typed.Wanted(name="builtin", other_file=file))
    assert named.other_config() == {"intermediates": False}
    assert typed.subject_of(typed.Wanted(name="builtin")).other_config is None


def test_the_keys_that_the_backend_can_make_are_tried():
    """The usual one first; without the option, one of each family."""
    named = typed.subject_of(typed.Wanted(name="builtin", keys=("rsa-3072", "ec-384")))
    assert [str(key) for key in named.keys] == ["rsa-3072", "ec-384"]
    usual = typed.subject_of(typed.Wanted(name="builtin"))
    assert len({key.type for key in usual.keys}) == 3


def test_the_passport_of_a_run_holds_every_check(run, tiny, keys):
    """Not only those that passed."""
    run(*RUN, "tiny", "--level", "L0", "--passport", "p.json", "--sign-key", str(keys[0]))
    stated = parse_passport(Path("p.json").read_bytes()).statement
    assert {one.id for one in stated.results} == {check.id for check in CHECKS.up_to(Level.L0)}
    assert stated.distribution_sha256 == tiny.digest
