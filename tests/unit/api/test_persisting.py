"""A whole agent that keeps its leaves, as its configuration says."""

import contextlib
from types import SimpleNamespace

import pytest

from ca_core.acl.access import LocalRules
from ca_core.acl.principal import Peer
from ca_core.acl.resolving import TokenRules
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.agent.leaffile import FILE
from ca_core.api.persisting import persist_keys, persisting
from ca_core.config.model import AgentConfig
from ca_core.errors import ConfigError, DeniedError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, settle
from tests.unit.agent.tokenfakes import TokenUpstream

ALICE = Peer(uid=1000, gid=1000, pid=1)
WEB = 'service "web" { policy = "write" }'


class Host:
    """A machine whose agent is started again and again; server, clock and disk stay."""

    def __init__(self, folder):
        self.folder = folder / "agent"
        self.folder.mkdir()
        self.clock = FakeClock()
        self.upstream = TokenUpstream(self.clock)

    @contextlib.asynccontextmanager
    async def agent(self, **config):
        """Run the agent for one life; ``tokens`` are what it holds."""
        said = AgentConfig(data_dir=self.folder, **{"persist": True} | config)
        grants = Grants(self.upstream, self.clock, lambda: 0.5)
        may = TokenRules(grants, LocalRules(owner_uid=900, workloads={"web": frozenset({1000})}))
        settings = AgentSettings(datacenter=DATACENTER, node="n1")
        agent = Agent(self.upstream, self.clock, settings, may=may, draw=lambda: 0.5, grants=grants)
        agent.tokens = grants
        identity = SimpleNamespace(id="spiffe://x/n1", anchors=self.upstream.anchors())
        async with persisting(said, agent, identity, self.clock, lambda: 0.5):
            await agent.start()
            await settle()
            try:
                yield agent
            finally:
                await agent.close()
                self.upstream.closed = False


@pytest.fixture
def host(tmp_path):
    """Return a machine with an empty folder."""
    return Host(tmp_path)


async def test_an_agent_that_is_not_told_to_keeps_nothing(host):
    """Neither a file nor a key is made, and it does not speak of it."""
    async with host.agent(persist=False) as agent:
        await agent.leaves.get(ALICE, "web")
        assert "persist" not in agent.describe()["Stats"]
    assert [each.name for each in host.folder.parent.iterdir()] == ["agent"]
    assert list(host.folder.iterdir()) == []


async def test_the_key_lies_beside_the_folder_and_the_agent_tells_of_the_file(host):
    """A copy of the folder holds no key."""
    async with host.agent() as agent:
        leaf = await agent.leaves.get(ALICE, "web")
    assert [each.name for each in host.folder.iterdir()] == [FILE]
    assert (host.folder.parent / "agent.kek").stat().st_mode & 0o777 == 0o600
    async with host.agent() as agent:
        assert (await agent.leaves.get(ALICE, "web")).body == leaf.body
        told = agent.describe()["Stats"]["persist"]
        assert (told["restored"], told["last_error"]) == (1, "")
        assert told["file"] == str(host.folder / FILE)


async def test_a_tokens_leaf_is_answered_again_once_the_token_was_shown(host):
    """Under a grant of today; what the server says first takes nothing of it away."""
    host.upstream.rules["ab"] = WEB
    async with host.agent() as agent:
        holder = await agent.tokens.asked("secret of ab")
        first = await agent.leaves.get(holder, "web")
    async with host.agent() as agent:
        await settle(100)
        with pytest.raises(DeniedError):
            await agent.leaves.get(holder, "web")
        assert await agent.tokens.asked("secret of ab") == holder
        assert (await agent.leaves.get(holder, "web")).body == first.body
        assert len(host.upstream.signed) == 1


async def test_the_leaf_of_a_token_that_was_revoked_meanwhile_is_answered_to_nobody(host):
    """Its secret is nobody's now."""
    host.upstream.rules["ab"] = WEB
    async with host.agent() as agent:
        holder = await agent.tokens.asked("secret of ab")
        await agent.leaves.get(holder, "web")
    host.upstream.revoke("ab")
    async with host.agent() as agent:
        with pytest.raises(DeniedError):
            await agent.tokens.asked("secret of ab")
        with pytest.raises(DeniedError):
            await agent.leaves.get(holder, "web")


async def test_without_its_key_an_agent_works_and_leaves_the_file_alone(host, caplog):
    """Leaves matter more than keeping them; the next start with the key finds them."""
    async with host.agent() as agent:
        leaf = await agent.leaves.get(ALICE, "web")
    before = (host.folder / FILE).read_bytes()
    async with host.agent(persist_key_command=("false",)) as agent:
        assert (await agent.leaves.get(ALICE, "web")).body != leaf.body
        assert "ended with 1" in agent.describe()["Stats"]["persist"]["last_error"]
    assert "no leaf is kept" in caplog.text
    assert (host.folder / FILE).read_bytes() == before
    async with host.agent() as agent:
        assert (await agent.leaves.get(ALICE, "web")).body == leaf.body


def test_the_key_comes_from_a_command_or_from_a_file(tmp_path):
    """The file is made at first; both hold base64 of 32 bytes."""
    path = tmp_path / "key"
    from_file = persist_keys(AgentConfig(persist_key_file=path))
    assert persist_keys(AgentConfig(persist_key_file=path)) == from_file
    assert persist_keys(AgentConfig(persist_key_command=("cat", str(path)))) == from_file
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="other users may read it"):
        persist_keys(AgentConfig(persist_key_file=path))
