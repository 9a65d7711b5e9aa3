"""Bad answers without the secrets that they repeat: their sentences go into errors and logs."""

import json
from collections.abc import Mapping
from dataclasses import replace

from ca_core.contract import Secret
from ca_provider_vault.connections import Answer

_SHORTEST_SECRET = 6
"""Characters; shorter ones are also parts of ordinary words."""


def scrubbed(answer: Answer, token: Secret, login: Secret | None) -> Answer:
    """Return an answer without the token and without what a login sent.

    Args:
        answer: a bad one.
        token: of the request; it may be empty.
        login: the body of a login, JSON; any of it may be secret.
    """
    body = answer.body
    for said in (token.reveal(), *_texts(json.loads(login.reveal()) if login else None)):
        if len(said) >= _SHORTEST_SECRET:
            for form in (said, json.dumps(said)[1:-1]):
                body = body.replace(form.encode(errors="replace"), b"<hidden>")
    return replace(answer, body=body)


def _texts(found: object) -> tuple[str, ...]:
    """Return every text in a JSON value, at any depth."""
    if isinstance(found, Mapping):
        found = list(found.values())
    if isinstance(found, list):
        return tuple(text for each in found for text in _texts(each))
    return (found,) if isinstance(found, str) else ()
