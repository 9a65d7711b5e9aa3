"""Files that follow the agent, over real HTTP on loopback."""

import asyncio
import contextlib
import stat
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.leaffiles import write_leaf_files
from ca_core.agent.watching import next_index, running, watch_leaf
from ca_core.clock import SystemClock
from ca_core.errors import ConfigError, DeniedError, ProviderError
from ca_core.identity.certificates import colon_hex, pem_chain, serial_hex, spki_der
from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.times import wire_time
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, FakeUpstream
from tests.unit.agent.tinyserver import serving

WEB = ServiceId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, service="web")


class FakeAgent:
    """An agent's two endpoints with blocking queries; ``refusals`` come first."""

    def __init__(self):
        self.clock = SystemClock()
        self.upstream = FakeUpstream(self.clock)
        self.indexes = {"leaf": 10, "roots": 5}
        self.refusals = []
        self.changed = asyncio.Event()
        self.cert = self.new_leaf()

    def new_leaf(self, key=None):
        made = new_leaf_key()
        leaf = self.upstream.active.leaf(
            csr_pem(leaf_csr(made, WEB)), self.clock.now(), timedelta(hours=1)
        )
        return IssuedCert(
            serial_number=serial_hex(leaf),
            cert_pem=pem_chain((leaf, self.upstream.active.signer.certificate)),
            private_key_pem=key_pem(key or made),
            service="web",
            service_uri=str(WEB),
            valid_after=wire_time(leaf.not_valid_before_utc),
            valid_before=wire_time(leaf.not_valid_after_utc),
            create_index=1,
            modify_index=1,
        )

    def change(self, what, index=None):
        self.indexes[what] = index or self.indexes[what] + 1
        self.changed.set()
        self.changed = asyncio.Event()

    def renew(self):
        self.cert = self.new_leaf()
        self.change("leaf")

    async def answer(self, asked):
        if self.refusals:
            return self.refusals.pop(0)
        what = "roots" if asked.path.endswith("/roots") else "leaf"
        while int(asked.query.get("index", 0)) == self.indexes[what]:
            await self.changed.wait()
        value = self.upstream.value() if what == "roots" else self.cert
        headers = {"X-Consul-Index": str(self.indexes[what])}
        return 200, headers, msgspec.json.encode(value)


class House:
    """A fake agent, the watch on it, and what the watch told."""

    def __init__(self, out):
        self.agent = FakeAgent()
        self.out = Path(out)
        self.told = asyncio.Queue()
        self.server = None
        self.task = None

    async def tell(self):
        self.told.put_nowait(self.leaf().serial_number)

    def leaf(self):
        return x509.load_pem_x509_certificate((self.out / "leaf.pem").read_bytes())


@contextlib.asynccontextmanager
async def house(out, *, path=None, on_change=None, names=None):
    """Run a watch over a fake agent on TCP, or on a unix socket."""
    h = House(out)
    async with serving(h.agent.answer, path=path) as h.server:
        transport = httpx.AsyncHTTPTransport(uds=path)
        base = "http://agent" if path else f"http://127.0.0.1:{h.server.port}"
        async with httpx.AsyncClient(base_url=base, transport=transport) as client:
            work = watch_leaf(
                client, "web", h.out, on_change or h.tell, SystemClock(), names=names or {}
            )
            h.task = asyncio.create_task(work)
            try:
                yield h
            finally:
                h.task.cancel()
                await asyncio.gather(h.task, return_exceptions=True)


def check_files(h):
    """Say that the three files belong together and who may read them."""
    key = serialization.load_pem_private_key((h.out / "key.pem").read_bytes(), None)
    assert spki_der(key.public_key()) == spki_der(h.leaf().public_key())
    bundle = x509.load_pem_x509_certificates((h.out / "bundle.pem").read_bytes())
    assert tuple(bundle) == h.agent.upstream.anchors()
    assert len(x509.load_pem_x509_certificates((h.out / "leaf.pem").read_bytes())) == 2
    assert stat.S_IMODE((h.out / "key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("unix", [False, True])
def test_files_follow_the_leaf_and_each_change_is_told_once(tmp_path, unix):
    """First the files, then a renewal, then a rotation: three complete sets, three calls."""

    async def scenario():
        path = str(tmp_path / "agent.sock") if unix else None
        async with house(tmp_path / "out", path=path) as h:
            first = await h.told.get()
            check_files(h)
            h.agent.renew()
            assert await h.told.get() != first
            check_files(h)
            h.agent.upstream.rotate()
            h.agent.change("roots")
            await h.told.get()
            check_files(h)
            assert h.told.empty()

    asyncio.run(scenario())


def test_a_restarted_watch_leaves_right_files_alone(tmp_path):
    """Nothing changed: no new set, and nobody is told to reload."""

    async def scenario():
        async with house(tmp_path / "out") as first:
            await first.told.get()
            before = (tmp_path / "out" / "current").readlink()
        async with house(tmp_path / "out") as h:
            h.agent.upstream, h.agent.cert = first.agent.upstream, first.agent.cert
            while {asked.query.get("index") for asked in h.server.asked} != {None, "10", "5"}:
                await h.server.news.wait()  # until both queries were answered and asked anew
            assert (tmp_path / "out" / "current").readlink() == before
            assert h.told.empty()
            h.agent.renew()
            await h.told.get()
            assert h.told.empty()

    asyncio.run(scenario())


def test_a_restarted_agent_with_the_same_index_is_not_taken_for_the_old_one(tmp_path):
    """After a broken connection the first query does not block: numbers prove nothing then."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
            await h.server.stop()
            h.agent.cert = h.agent.new_leaf()
            await h.server.start()
            await h.told.get()
            check_files(h)

    asyncio.run(scenario())


def test_an_index_that_runs_backwards_is_a_reset(tmp_path):
    """The query after it carries no index, as Consul's rules for clients say."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
            h.agent.cert = h.agent.new_leaf()
            h.agent.change("leaf", index=3)
            await h.told.get()
            h.agent.renew()
            await h.told.get()
            leaves = [asked.query for asked in h.server.asked if asked.path.endswith("/web")]
            assert [query.get("index") for query in leaves[:3]] == [None, "10", None]

    asyncio.run(scenario())


def test_an_answer_without_news_changes_nothing(tmp_path):
    """A new index over the same leaf wakes the query, not the program."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
            h.agent.change("leaf")
            h.agent.change("roots")
            h.agent.renew()
            await h.told.get()
            assert h.told.empty()

    asyncio.run(scenario())


def test_an_agent_that_restarts_is_followed_again_from_its_first_index(tmp_path):
    """Connections break and indexes begin anew; the files stay until the new leaf is there."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
            old = h.leaf()
            await h.server.stop()
            check_files(h)
            h.agent.indexes = {"leaf": 1, "roots": 1}
            h.agent.cert = h.agent.new_leaf()
            await h.server.start()
            await h.told.get()
            assert h.leaf() != old
            h.agent.renew()
            await h.told.get()
            check_files(h)

    asyncio.run(scenario())


@pytest.mark.parametrize("refusal", [(503, {}, b"expired"), (403, {}, b"no"), (200, {}, b"<html>")])
def test_after_the_first_files_no_refusal_ends_the_watch(tmp_path, refusal):
    """A watch runs for months: whatever the agent answers, files stay and it goes on asking."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
            h.agent.refusals = [refusal] * 2
            h.agent.renew()
            await h.told.get()
            check_files(h)

    asyncio.run(scenario())


def test_a_refusal_from_the_first_is_told_to_the_person(tmp_path):
    """Without the right there is nothing to wait for."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            h.agent.refusals = [(403, {}, b"not for you")] * 2
            with pytest.raises(DeniedError, match="not for you"):
                await h.task
            assert not (tmp_path / "out").exists()

    asyncio.run(scenario())


def test_a_folder_that_cannot_be_written_is_told_to_the_person(tmp_path):
    """The first write fails: say so, and which path."""
    (tmp_path / "out").write_text("a file")

    async def scenario():
        async with house(tmp_path / "out") as h:
            with pytest.raises(ConfigError, match="out"):
                await h.task

    asyncio.run(scenario())


def test_a_key_of_another_leaf_is_never_written(tmp_path):
    """A mismatched pair is refused, whoever sent it; the good files stay."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
            h.agent.cert = h.agent.new_leaf(key=new_leaf_key())
            with pytest.raises(ProviderError, match="another leaf"):
                write_leaf_files(h.out, h.agent.cert, h.agent.upstream.value())
            h.agent.change("leaf")
            check_files(h)

    asyncio.run(scenario())


def test_a_program_that_cannot_be_told_does_not_end_the_watch(tmp_path):
    """The next change is told again."""

    async def scenario():
        calls = asyncio.Queue()

        async def failing():
            calls.put_nowait(1)
            raise OSError("no such program")

        async with house(tmp_path / "out", on_change=failing) as h:
            await calls.get()
            h.agent.renew()
            await calls.get()
            check_files(h)

    asyncio.run(scenario())


def test_further_names_are_asked_for(tmp_path):
    """``dns-san`` and ``ip-san`` travel with every query of the leaf, beside index and wait."""

    async def scenario():
        async with house(tmp_path / "out", names={"dns-san": "a.web,b.web"}) as h:
            await h.told.get()
            h.agent.renew()
            await h.told.get()
            leaves = [asked.query for asked in h.server.asked if asked.path.endswith("/web")]
            assert all(query["dns-san"] == "a.web,b.web" for query in leaves)
            assert leaves[1]["index"] == "10"

    asyncio.run(scenario())


def test_a_watch_leaves_no_task_behind(tmp_path):
    """Cancelled in the middle of its queries, nothing of it runs on."""

    async def scenario():
        async with house(tmp_path / "out") as h:
            await h.told.get()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


def test_a_command_is_run_without_a_shell(tmp_path, caplog):
    """Arguments arrive as they are; an exit status is logged; a missing program is an error."""

    async def scenario():
        await running(["touch", str(tmp_path / "a b;c")])()
        await running(["false"])()
        with pytest.raises(FileNotFoundError):
            await running(["/no/such/program"])()

    asyncio.run(scenario())
    assert (tmp_path / "a b;c").exists()
    assert "false: exit status 1" in caplog.text


@given(asked=st.integers(0, 2**63), answered=st.integers(0, 2**63))
def test_the_next_index_is_the_answered_one_or_a_reset(asked, answered):
    """Backwards means from the start; otherwise at least 1, so that the query blocks."""
    found = next_index(asked, answered)
    assert found == (0 if max(answered, 1) < asked else max(answered, 1))
    assert found == 0 or found >= asked


def test_key_ids_in_fixtures_are_real():
    """The fake authority announces the key id that its leaves carry."""
    upstream = FakeUpstream(SystemClock())
    signer = upstream.active.signer.certificate
    ski = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert upstream.value().roots[0].signing_key_id == colon_hex(ski)
