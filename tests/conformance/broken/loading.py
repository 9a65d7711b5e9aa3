"""Providers that are wrong before they have done anything."""

import dataclasses
import itertools

from ca_core.contract import ConfigError, parse_struct
from ca_core.testing import ReferenceProvider, reference_plugin
from ca_core.testing.reference import ReferenceConfig
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.spoiling import broken

COUNTER = itertools.count()


def parse(raw):
    """Read the reference provider's configuration."""
    return parse_struct(ReferenceConfig, raw, where="ca.config")


def described(name, fault, caught_by, make_config=lambda _address: {}, **changes) -> Broken:
    """Return the reference provider with other parts in its descriptor."""
    return Broken(
        name=name,
        fault=fault,
        caught_by=frozenset({caught_by}),
        plugin=lambda: dataclasses.replace(reference_plugin(), **changes),
        supply=lambda _plugin, _clock: {"make_config": make_config},
    )


class ClosesWhatIsNot(ReferenceProvider):
    """Closes a session that it opens with the first call only."""

    session = None

    def ensure_authority(self, request):
        """Open the session."""
        self.session = {"open"}
        return super().ensure_authority(request)

    def close(self):
        """Close it, whether it is there or not."""
        self.session.clear()


class NotesItsStart(ReferenceProvider):
    """Writes down that it was opened."""

    def __init__(self, config, context, backend):
        super().__init__(config, context, backend)
        context.state.create(f"authority/{context.authority_id}/opened", "yes")


def ignoring(raw):
    """Take the keys that are known, and no other."""
    return parse(
        {key: value for key, value in raw.items() if key in ReferenceConfig.__annotations__}
    )


def parse_anything(raw):
    """Raise what Python raises for a wrong type."""
    external = raw.get("external_issuer", False)
    if not isinstance(external, bool):
        raise TypeError("external_issuer")
    return parse(raw)


class Numbered(ReferenceConfig):
    """A configuration with the number of its reading."""

    reading: int = 0


def numbering(raw):
    """Count how often a configuration was read."""
    return Numbered(external_issuer=parse(raw).external_issuer, reading=next(COUNTER))


def completing(raw):
    """Write the defaults into the mapping."""
    raw.setdefault("external_issuer", False)
    return parse(raw)


class Keeping:
    """Looks into the mapping each time."""

    def __init__(self, raw):
        self._raw = raw

    @property
    def external_issuer(self):
        """Return the setting as it stands now."""
        return self._raw.get("external_issuer", False)

    def __eq__(self, other):
        return isinstance(other, Keeping) and other._raw == self._raw

    __hash__ = None


def keeping(raw):
    """Check, and keep the mapping."""
    parse(raw)
    return Keeping(raw)


def refusing(_old, _new):
    """Refuse every change, and what is none."""
    raise ConfigError("cannot be changed in place", where="ca.config")


BROKEN = (
    described("api-of-tomorrow", "is written for version 99", "load.api-version", api_version=99),
    broken("closes-nothing", "falls over when closed unused", "load.opens", ClosesWhatIsNot),
    broken("notes-its-start", "writes when it opens", "load.creates-nothing", NotesItsStart),
    described("ignores-keys", "ignores keys", "load.unknown-key", parse_config=ignoring),
    described("type-error", "raises TypeError", "load.wrong-type", parse_config=parse_anything),
    described("counts-readings", "reads differently", "load.same-twice", parse_config=numbering),
    described("writes-defaults", "writes defaults", "load.leaves-mapping", parse_config=completing),
    described("keeps-mapping", "keeps the mapping", "load.keeps-no-mapping", parse_config=keeping),
    described("refuses-all", "refuses any update", "load.same-update", validate_update=refusing),
)
