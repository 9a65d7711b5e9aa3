"""What ``ca-core import consul`` does; imported when it runs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec

from ca_core.cli.client import Client
from ca_core.cli.failures import AnsweredError
from ca_core.cli.import_comparing import Standing, Step, Wanted, index_after, standing_of, wanted_of
from ca_core.cli.import_configuration import planned
from ca_core.cli.import_reading import Export
from ca_core.cli.import_view import as_json, show
from ca_core.cli.intention_actions import EXACT, INTENTIONS
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, progress
from ca_core.intentions.model import Intention
from ca_core.intentions.showing import shown_intention

_SAID = ("Action", "Permissions", "Description", "Observe")
"""What is sent of an intention, beside its ``Meta``; its names are in the address."""


def take_over(client: Client, export: Export, output: Output, *, apply: bool) -> bool:
    """Show what becomes of every row, or do it; say whether nothing of the export is lost.

    CA configuration is planned and never applied.

    Raises:
        Error: as ``Client``; a row that the server refuses is only told.
    """
    standing = _standing(client) if export.rows else {}
    wanted = wanted_of(export.rows, standing)
    if apply:
        with progress("writing intentions"):
            wanted = tuple(_written(client, wanted))
    plans = tuple(planned(client, document) for document in export.configurations)
    after = index_after(wanted, standing)
    if output is Output.JSON:
        print_json(as_json(wanted, after, plans, applied=apply))
    else:
        show(wanted, after, plans, applied=apply)
    return not any(one.is_lost for one in wanted) and not any(plan.refusal for plan in plans)


def _standing(client: Client) -> Standing:
    answer = client.get(INTENTIONS)
    return standing_of(answer.decoded(tuple[Mapping[str, Any], ...]))


def _written(client: Client, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
    """Write what has to be, one after the other, and yield what became of each."""
    for one in wanted:
        yield _put(client, one, one.row.intention) if one.row.intention is not None else one


def _put(client: Client, one: Wanted, intention: Intention) -> Wanted:
    """Write it if it needs to be, and only over what was looked at."""
    if not one.is_written:
        return one
    query = {
        "source": str(intention.source),
        "destination": str(intention.destination),
        "cas": str(one.index),
    }
    try:
        client.put(f"{EXACT}?{urlencode(query)}", body_of(intention))
    except AnsweredError as error:
        return replace(one, step=Step.FAILED, why=str(error))
    return one


def body_of(intention: Intention) -> dict[str, Any]:
    """Return the body that writes it; its meta data are said also where there are none."""
    said = msgspec.to_builtins(shown_intention(intention))
    return {name: said[name] for name in _SAID if name in said} | {"Meta": dict(intention.meta)}
