"""What a real server refuses, and how it says so: a folder in use, a key gone, damage, no space."""

import asyncio
import contextlib
import hashlib
import os
import subprocess

import httpx
import pytest

from ca_core.api.storedstate import STATE_FILE
from ca_core.identity.leafcsr import csr_pem, leaf_csr
from ca_core.state.kek import key_file, read_key_file
from tests.integration.crash.cluster import Cluster
from tests.integration.crash.customer import KEY, NODE, asked_operators, operators, published_root
from tests.integration.crash.lives import CA_CORE, console_life, surroundings

pytestmark = pytest.mark.timeout(120)
USAGE, NOT_READY = 2, 5
EMPTY = hashlib.sha256().hexdigest()
"""SQLite leaves an empty log beside a file that it only read."""
DISK_BYTES = 2 * 1024 * 1024


@pytest.fixture
async def cluster(folder):
    """Lend a cluster of the unmodified server."""
    async with contextlib.aclosing(Cluster(folder / "c", console_life)) as cluster:
        yield cluster


async def refused(data_dir):
    """Start a server that must refuse; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        CA_CORE,
        *("server", "--data-dir", data_dir, "--listen", "127.0.0.1:0"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=surroundings(),
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert b"Traceback" not in said, said.decode()
    return process.returncode, said.decode()


def contents(folder):
    """Return a digest of every file of a folder, SQLite's shared memory excepted."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(("-shm", ".lock"))
    }


async def refusal_naming(life, text):
    """Return why the server is not ready once it names ``text``; fails after a while."""
    async with operators(life) as client:
        for _ in range(400):
            with contextlib.suppress(httpx.HTTPError):
                answer = await client.get("/readyz")
                if text in answer.text:
                    return answer
            await asyncio.sleep(0.02)
    raise AssertionError(f"/readyz never named {text!r}")


async def test_a_second_server_on_the_same_folder_is_refused(cluster):
    """It names the process that has the folder and what to do; the first one serves on."""
    life = await cluster.life()
    await cluster.recovered(life)
    code, said = await refused(cluster.data_dir)
    assert code == USAGE
    assert f"in use by process {life.pid}" in said
    assert "next:" in said
    await cluster.recovered(life)


async def test_of_two_servers_that_start_on_an_empty_folder_one_begins_the_cluster(folder):
    """The other one is refused, however close they were; there is one root."""
    cluster = Cluster(folder / "c", console_life)
    lives = [await console_life(cluster.data_dir) for _ in range(2)]
    try:
        loser = lives[await first_to_end(lives)]
        assert await loser.ended() == USAGE
        await cluster.recovered(lives[1 - lives.index(loser)])
    finally:
        for life in lives:
            if not life.has_ended:
                await life.kill()


async def first_to_end(lives):
    """Return the number of the life that ends first."""
    tasks = [asyncio.ensure_future(life.ended()) for life in lives]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    (number,) = [n for n, task in enumerate(tasks) if task.done()]
    for task in tasks:
        task.cancel()
    return number


async def test_a_server_without_its_key_serves_roots_and_refuses_to_sign(cluster):
    """It answers 503 with the id of the key that is missing; with the key back, it signs again."""
    life = await cluster.life()
    await cluster.recovered(life)
    async with operators(life) as client:
        root = await published_root(client)
    token = await asked_operators(life, "PUT", "/v1/cluster/join-token", json={"Node": NODE})
    await cluster.stopped(life)
    place = key_file(cluster.data_dir)
    (key,), away = read_key_file(place).keys, place.with_suffix(".away")
    place.rename(away)

    keyless = await cluster.life()
    assert (await refusal_naming(keyless, key.id)).status_code == 503
    async with operators(keyless) as client:
        assert await published_root(client) == root
        answer = await client.post("/v1/cluster/join", json=joining(cluster, token.json()))
    assert answer.status_code == 503
    assert key.id in answer.text
    assert not place.exists(), "no new key takes the place of one that is missing"
    await cluster.stopped(keyless)

    away.rename(place)
    await cluster.recovered(await cluster.life())


def joining(cluster, token):
    """Return a request to join that would be granted."""
    identity = cluster.customer.identity
    secret = token["Token"].split(".")[2]
    csr = csr_pem(leaf_csr(KEY, identity))
    return {"TokenID": token["ID"], "Secret": secret, "Node": identity.node, "CSR": csr}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:4096] + bytes(4096) + content[8192:],
        lambda content: b"\0" * 100 + content[100:],
        lambda content: content[: len(content) // 2],
        lambda content: b"not a state file at all\n" * 400,
    ],
    ids=["a page of zeros", "no header", "cut in half", "something else"],
)
async def test_a_damaged_state_file_is_refused_and_left_as_it_is(cluster, damage):
    """It names the file and what to do, ends with 2, and changes no byte in the folder."""
    life = await cluster.life()
    await cluster.recovered(life)
    await cluster.stopped(life)
    state = cluster.data_dir / STATE_FILE
    state.write_bytes(damage(state.read_bytes()))
    before = contents(cluster.data_dir.parent)
    code, said = await refused(cluster.data_dir)
    assert code == USAGE
    assert str(state) in said
    assert "next:" in said
    after = contents(cluster.data_dir.parent)
    assert before.items() <= after.items()
    assert {after[path] for path in after.keys() - before.keys()} <= {EMPTY}


@pytest.fixture
def disk(folder):
    """Lend a file system of 2 MiB."""
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: mounting a tiny tmpfs needs root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"NOT RUN: this machine does not let root mount ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def filled(disk):
    """Fill the disk to the last byte and return the ballast."""
    ballast, size = disk / "ballast", 64 * 1024
    with ballast.open("wb", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return ballast


async def test_a_first_start_on_a_full_disk_begins_nothing_that_space_does_not_finish(
    disk, cluster
):
    """It says that the disk is full; once there is space, the same folder has one root."""
    ballast = filled(disk)
    code, said = await refused(cluster.data_dir)
    assert code in {USAGE, NOT_READY}
    assert "full" in said or "No space" in said
    ballast.unlink()
    life = await cluster.life()
    await cluster.recovered(life)
    await cluster.stopped(life)


async def test_a_server_whose_disk_is_full_goes_on_once_there_is_space(disk, cluster):
    """Until then commits are answered by 503; no leaf and no count is lost, no restart needed."""
    life = await cluster.life()
    await cluster.recovered(life)
    ballast = filled(disk)
    refusal = await asked_operators(life, "PUT", "/v1/cluster/join-token", json={"Node": "n"})
    while refusal.status_code == 200:  # space that the write-ahead log already had
        refusal = await asked_operators(life, "PUT", "/v1/cluster/join-token", json={"Node": "n"})
    assert refusal.status_code == 503
    assert "full" in refusal.text
    async with cluster.customer.calling(life) as upstream:
        for _ in range(200):
            await cluster.customer.ask(upstream)
    ballast.unlink()
    again = await asked_operators(life, "PUT", "/v1/cluster/join-token", json={"Node": "n"})
    assert again.status_code == 200
    found = await cluster.stopped(life)
    assert len(found.issued_to("web")) >= 200
    assert found.authority.complete
