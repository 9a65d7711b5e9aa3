"""The files in `docker/`, judged without an engine: by linters, by the schema, by our own rules."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from ca_provider_vault.config import parse_config

from ca_core.cli.main import app
from ca_core.config import load_config
from tests.docker.files import (
    COMPOSE,
    DOCKER,
    DOCKERFILES,
    composed,
    dockerfile_of,
    instructions,
)

ROOT = DOCKER.parent
SERVICES = composed()["services"]
ENDING = {"bootstrap", "join"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("ca-core:")}
SCRIPTS = (DOCKER / "join.sh", DOCKER / "vault" / "bootstrap.sh")
PINNED = re.compile(r"[a-z0-9./-]+:\d+\.\d+[\w.-]*")
every_service = pytest.mark.parametrize("name", SERVICES)
every_dockerfile = pytest.mark.parametrize("file", DOCKERFILES, ids=("ca-core", "bootstrap"))


def passes(program, *arguments):
    """Run a tool of this environment, and show what it says if it finds anything."""
    tool = Path(sys.executable).with_name(program)
    ended = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@every_dockerfile
def test_hadolint_finds_nothing(file):
    """No rule of the Dockerfile linter is broken, however small, and none is switched off."""
    assert "hadolint ignore" not in file.read_text()
    passes("hadolint", "--no-color", file)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script):
    """Scripts are sound POSIX shell: the images have no bash."""
    assert script.read_text().startswith("#!/bin/sh\n")
    passes("shellcheck", "--shell=sh", "--enable=require-double-brackets", script)


def test_the_compose_file_follows_the_specification():
    """The schema of the Compose Specification accepts it."""
    passes("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))


@every_dockerfile
def test_an_image_runs_as_a_number_and_without_a_shell(file):
    """Kubernetes can see that a numeric user is not root; signals reach the process itself."""
    found = instructions(file)
    users = [one.value for one in found if one.name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", users[-1])
    (entry,) = (one for one in found if one.name == "ENTRYPOINT")
    assert entry.value.startswith("[")
    assert found.index(entry) > max(i for i, one in enumerate(found) if one.name == "USER")


@every_dockerfile
def test_an_image_is_made_of_what_there_is(file):
    """Copied files exist and stand in the build's context; nothing is fetched by ADD."""
    found = instructions(file)
    assert not [one for one in found if one.name == "ADD"]
    context = ROOT if file.parent == DOCKER else file.parent
    copied = [one.words for one in found if one.name == "COPY"]
    sources = [word for words in copied if "--from=build" not in words for word in words[:-1]]
    assert sources
    assert not [source for source in sources if not (context / source).exists()]
    if context == ROOT:
        allowed = (ROOT / ".dockerignore").read_text().splitlines()
        assert {f"!{source}" for source in sources} <= set(allowed)
        assert "*" in allowed


@every_dockerfile
def test_an_image_begins_with_a_pinned_one_of_the_public_hub(file):
    """Each base has a version, and no registry is named."""
    bases = [one.words[0] for one in instructions(file) if one.name == "FROM"]
    assert all(PINNED.fullmatch(base) and "." not in base.partition(":")[0] for base in bases)


def test_pip_leaves_no_cache_in_the_image():
    """Every use of pip that installs or builds."""
    runs = [one.value for one in instructions(DOCKERFILES[0]) if one.name == "RUN"]
    uses = re.findall(r"pip [^&]*(?:wheel|install) [^&]*", " ".join(runs))
    assert len(uses) == 2
    assert all("--no-cache-dir" in use for use in uses)


def test_the_image_has_the_dependencies_of_the_vault_provider():
    """The extra that it installs is one of ours."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (installed,) = re.findall(r"whl\)\[(\w+)\]", DOCKERFILES[0].read_text())
    assert "hvac" in " ".join(extras[installed])


def test_the_image_is_of_this_version():
    """The tag in the compose file is the package's version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {SERVICES[name]["image"] for name in OURS} == {f"ca-core:{version}"}
    assert SERVICES["bootstrap"]["image"] == f"ca-core-bootstrap:{version}"


@every_service
def test_a_service_has_no_more_rights_than_it_needs(name):
    """No root, no capability, nothing written outside its volumes, nothing gained by a program."""
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    refused = {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "volumes_from"}
    assert not refused & set(service)
    assert service.get("network_mode") in {None, "none"}


@every_service
def test_a_service_runs_a_pinned_image(name):
    """A version, never the latest; what is built here has its Dockerfile."""
    assert PINNED.fullmatch(SERVICES[name]["image"])
    dockerfile = dockerfile_of(SERVICES[name])
    assert dockerfile is None or dockerfile in DOCKERFILES


def test_our_images_are_built_here():
    """No service pulls an image that nobody has published."""
    built = {service["image"] for service in SERVICES.values() if "build" in service}
    assert {image for image in _images() if image.startswith("ca-core")} == built


def _images():
    return {service["image"] for service in SERVICES.values()}


@every_service
def test_every_file_and_volume_that_a_service_mounts_exists(name):
    """Files of ours are mounted to be read; a volume is declared, and used."""
    for volume in SERVICES[name]["volumes"]:
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (DOCKER / source).is_file()
            assert mode == ["ro"]
        else:
            assert source in composed()["volumes"]
    assert "docker.sock" not in COMPOSE.read_text()


def test_no_volume_is_declared_in_vain():
    """Each is mounted somewhere."""
    mounted = {v.split(":")[0] for service in SERVICES.values() for v in service["volumes"]}
    assert {source for source in mounted if not source.startswith(".")} == set(
        composed()["volumes"]
    )


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ENDING))
def test_a_service_that_stays_is_watched_and_restarted(name):
    """Its health is asked without a shell."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


@every_service
def test_a_service_waits_for_what_it_needs(name):
    """One that ends must have ended well; the server must be healthy before tokens are made."""
    needed = SERVICES[name].get("depends_on", {})
    for other, need in needed.items():
        wanted = "service_completed_successfully" if other in ENDING else "service_healthy"
        if other in {"openbao", "vault"}:  # one profile each; sealed until the bootstrap has run
            assert need == {"condition": "service_started", "required": False}
        else:
            assert need == {"condition": wanted}


@pytest.mark.parametrize("profile", ["openbao", "vault"])
def test_a_profile_has_one_vault_and_all_the_rest(profile):
    """Whichever runs is called `vault`; what depends on the other does without."""
    there = {name for name, service in SERVICES.items() if profile in service["profiles"]}
    assert there == set(SERVICES) - ({"openbao", "vault"} - {profile})
    assert SERVICES[profile]["networks"]["mesh"]["aliases"] == ["vault"]
    assert SERVICES[profile]["ports"] == ["127.0.0.1:${VAULT_PORT:-8200}:8200"]


def test_no_secret_stands_in_the_files():
    """Ids, tokens and keys are made at the first start, into volumes."""
    texts = [file.read_text() for file in DOCKER.rglob("*") if file.is_file()]
    for text in texts:
        assert not re.search(r"\b(hvs|hvb|s|b)\.[A-Za-z0-9]{20,}|-----BEGIN", text)
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-", text)
        assert not re.search(
            r"ROOT_TOKEN_ID|(token|password|secret_id)\s*[:=]\s*\"\w", text, re.IGNORECASE
        )


@pytest.mark.parametrize("name", sorted(OURS - ENDING))
def test_commands_are_ones_that_ca_core_has(name):
    """Every word of the commands and healthchecks is parsed by the command line itself."""
    service = SERVICES[name]
    health = service["healthcheck"]["test"]
    assert health[:2] == ["CMD", "ca-core"]
    for words in (service["command"], health[2:]):
        parsed(words)


def parsed(words):
    """Parse words as ``ca-core`` would, down to the last command; nothing is run."""
    command, rest = typer.main.get_command(app), list(words)
    while rest:
        context = command.make_context("ca-core", rest)
        if not hasattr(command, "commands") or not context._protected_args:
            return
        _, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        if not rest:
            command.make_context("ca-core", [])


def test_the_parser_of_these_tests_refuses_what_ca_core_refuses():
    """An option that does not exist is found, on each level."""
    for words in (["server", "--lisen", "x"], ["ca", "rots"], ["ca", "roots", "--pme"]):
        with pytest.raises(Exception, match="No such"):
            parsed(words)


def test_the_configurations_are_understood():
    """By the same code as in the containers; the provider's part by the provider."""
    server = load_config(DOCKER / "server.toml")
    login = parse_config(server.ca.config).auth_method
    assert login is not None
    targets = {volume.split(":")[1] for volume in SERVICES["server"]["volumes"]}
    assert set(login.params) == {"role_id_file", "secret_id_file"}
    assert {str(Path(path).parent) for path in login.params.values()} <= targets
    agent = load_config(DOCKER / "agent.toml").agent
    user = SERVICES["agent-1"]["user"].partition(":")[0]
    assert [str(one) for users in agent.workloads.values() for one in users] == [user]
