"""What stands in `docker/`, parsed: the compose file, the two Dockerfiles."""

import json
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILES = (DOCKER / "Dockerfile", DOCKER / "vault" / "Dockerfile")


def composed():
    """Return the compose file; a key given twice is an error."""
    return YAML(typ="safe").load(COMPOSE)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile, for example ``USER`` and ``10001:10001``."""

    name: str
    value: str

    @property
    def words(self):
        """Return the value's words, of the exec form or of the plain one."""
        return json.loads(self.value) if self.value.startswith("[") else self.value.split()


def instructions(dockerfile):
    """Return a Dockerfile's instructions in order, without comments, continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    split = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [Instruction(name, value) for name, value in split]


def dockerfile_of(service):
    """Return the Dockerfile of a service that is built here, or None."""
    build = service.get("build")
    if isinstance(build, dict):
        return (DOCKER / build["context"] / build["dockerfile"]).resolve()
    return DOCKER / build / "Dockerfile" if build else None
