"""Keys of auth methods: fetched within bounds, kept, and looked at again when it helps."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.acl.jwks import MOST_JWKS
from ca_core.api.keysets import KEPT_SECONDS, REFRESH_SECONDS, KeySets, fetched
from ca_core.errors import Error, UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.acl.jwts import config, jwk, jwks, key, pem

GOOD = jwks(jwk(key(), kid="one"))


def by_url(url="https://x/"):
    """Return an auth method whose keys are at a URL."""
    return config(public_keys=(), jwks_url=url)


class Issuer:
    """Answers what a test says, and counts."""

    def __init__(self, answer=GOOD):
        self.answer, self.asked = answer, 0

    async def __call__(self, _config):
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, Error):
            raise self.answer
        return self.answer


@pytest.fixture
def clock():
    """Return a clock that stands."""
    return FakeClock()


async def test_keys_are_asked_for_once(clock):
    """However many logins come together, and for an hour; then again."""
    issuer = Issuer()
    sets = KeySets(clock, issuer)
    found = await asyncio.gather(*(sets.keys(by_url(), "one") for _ in range(10)))
    assert {each[0].kid for each in found} == {"one"}
    clock.advance(timedelta(seconds=KEPT_SECONDS - 1))
    await sets.keys(by_url(), "one")
    assert issuer.asked == 1
    clock.advance(timedelta(seconds=1))
    await sets.keys(by_url(), "one")
    assert issuer.asked == 2


async def test_an_unknown_kid_asks_once_a_minute(clock):
    """Whoever invents names makes no flood of requests."""
    issuer = Issuer()
    sets = KeySets(clock, issuer)
    for name in range(100):
        await sets.keys(by_url(), f"made up {name}")
    assert issuer.asked == 1
    clock.advance(timedelta(seconds=REFRESH_SECONDS))
    await sets.keys(by_url(), "made up")
    assert issuer.asked == 2


@pytest.mark.parametrize("broken", [UnavailableError("away"), b"no JWKS"])
async def test_what_was_seen_holds_while_the_issuer_is_away(clock, broken):
    """And where nothing was seen, the login has to wait; the source is asked once a minute."""
    issuer = Issuer(broken)
    sets = KeySets(clock, issuer)
    for _ in range(5):
        with pytest.raises(UnavailableError):
            await sets.keys(by_url(), "one")
    assert issuer.asked == 1
    issuer.answer = GOOD
    clock.advance(timedelta(seconds=REFRESH_SECONDS))
    assert await sets.keys(by_url(), "one")
    issuer.answer = broken
    clock.advance(timedelta(seconds=KEPT_SECONDS))
    assert await sets.keys(by_url(), "one")


async def test_keys_of_the_method_itself_are_asked_of_nobody(clock):
    """PEM in the configuration needs no source."""
    issuer = Issuer()
    found = await KeySets(clock, issuer).keys(config(public_keys=(pem(key()),)), "any")
    assert len(found) == 1
    assert issuer.asked == 0


async def respond(answer):
    """Run an HTTP server on loopback that sends these bytes; return it and its URL."""

    async def on_client(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(on_client, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"


def http(body, *, status="200 OK", more=""):
    """Return an HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


async def test_a_jwks_comes_from_loopback():
    """What is there is returned as it is."""
    server, url = await respond(http(GOOD))
    async with server:
        assert await fetched(by_url(url)) == GOOD


ANSWERS = {
    "an error": http(b"", status="500 Oops"),
    "somewhere else": http(b"", status="302 Found", more="Location: http://127.0.0.1:1/\r\n"),
    "too much": http(b" " * (MOST_JWKS + 1)),
    "no HTTP": b"hello\r\n\r\n",
    "less than promised": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_bad_answer_is_no_jwks(case):
    """Errors, redirects, floods and noise are refused."""
    server, url = await respond(ANSWERS[case])
    async with server:
        with pytest.raises(Error):
            await fetched(by_url(url))


async def test_nobody_there_is_unavailable():
    """A refused connection, and a name that a proxy of the environment would have taken."""
    server, url = await respond(b"")
    server.close()
    await server.wait_closed()
    with pytest.raises(UnavailableError, match="cannot be fetched"):
        await fetched(by_url(url))


@pytest.mark.parametrize("url", ["https://[::1]x/", "https://a\u0301..com/"])
async def test_an_address_that_no_client_understands_is_unavailable(url):
    """What passes for a URL and is none for the one who fetches it is no bug of a login."""
    with pytest.raises(UnavailableError, match="cannot be fetched"):
        await fetched(by_url(url))


async def test_a_file_is_bounded_and_is_a_file(tmp_path):
    """Neither a folder nor a device is read, nor more than a JWKS may have."""
    large = tmp_path / "large"
    large.write_bytes(b" " * (MOST_JWKS + 1))
    for path in (tmp_path, tmp_path / "none", "/dev/zero", large):
        with pytest.raises(Error):
            await fetched(config(public_keys=(), jwks_file=str(path)))
