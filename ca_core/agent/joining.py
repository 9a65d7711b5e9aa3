"""How a host becomes an agent, and an agent that slept too long becomes one again."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ca_core.agent.identitystore import AgentIdentity, IdentityStore
from ca_core.agent.renewal import drawn, renewal_window
from ca_core.agent.serverlink import ServerLink
from ca_core.agent.tls import PeerCheck, unsafe_unverified_context, verifying_context
from ca_core.agent.verification import Wanted, pinned, verified_chain
from ca_core.clock import Clock
from ca_core.errors import ConfigError, ProviderError, RequestError
from ca_core.fields import Secret
from ca_core.identity.certificates import fingerprint, parse_certificates
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, ServerId
from ca_core.wire.cluster import JoinRequest, RejoinRequest, SignedLeaf
from ca_core.wire.roots import CARoots

log = logging.getLogger(__name__)

Draw = Callable[[], float]
"""A source of uniform numbers from 0 to 1."""

ROOTS_PATH = "/v1/connect/ca/roots"
_JOIN_STRING = re.compile(r"caj1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinString:
    """What ``ca-core token join`` printed, taken apart.

    Attributes:
        id: names the token at the server, 16 hex digits.
        secret: 32 random bytes, base64url; used once.
        pin: SHA-256 of the root's DER, lower-case hex.
    """

    id: str
    secret: Secret
    pin: str


def parse_join_string(text: str) -> JoinString:
    """Return the parts of ``caj1.<id>.<secret>.<pin>``.

    Raises:
        RequestError: another shape; the text is not repeated, since it may hold a secret.
    """
    found = _JOIN_STRING.match(text.strip())
    if found is None:
        raise RequestError(
            "this is not a join token (caj1.….….…); was it cut off when it was copied?",
            field="join",
            hint="run `ca-core token join --node NAME` on the server and copy the whole line",
        )
    return JoinString(id=found[1], secret=Secret(found[2]), pin=found[3])


async def join(
    server_url: str, join_string: str, node: str, store: IdentityStore, clock: Clock, draw: Draw
) -> AgentIdentity:
    """Become the agent of ``node`` and keep the identity in ``store``.

    1. Fetch the server's roots from whoever answers; nothing is told. One must match the pin.
    2. Connect again, verified under that root alone; the peer must be a server of the mesh.
    3. Only now send the token, with a CSR for the ID that follows from the server's own.
    4. Check the answer: our key, our ID, a path to the pinned root. Keep it.

    Raises:
        RequestError: the join string or the node's name is malformed.
        ConfigError: the server has another root (the secret was not sent), or cannot be stored.
        DeniedError: the token is used up, expired, or for another node.
        Error: the server is away or its answer cannot be used.
    """
    token = parse_join_string(join_string)
    root = await _pinned_root(server_url, token.pin)  # (1)
    peer = PeerCheck(None)
    link = ServerLink(server_url, verifying_context((root,)), peer)  # (2)
    try:
        await link.get(ROOTS_PATH, CARoots)
        wanted = Wanted(key=new_leaf_key(), identity=_agent_id(peer.seen, node))
        request = JoinRequest(
            token_id=token.id,
            secret=token.secret.reveal(),
            node=node,
            csr=csr_pem(leaf_csr(wanted.key, wanted.identity)),
        )
        signed = await link.post("/v1/cluster/join", request, SignedLeaf)  # (3)
    finally:
        await link.close()
    identity = identity_of(signed, wanted, (root,), server_url, clock.now(), draw())  # (4)
    store.save(identity)
    log.info("joined as %s", identity.id)
    return identity


async def published(identity: AgentIdentity) -> tuple[x509.Certificate, ...]:
    """Return the roots that the agent's server gives to anybody, asked for without a leaf.

    Raises:
        Error: the server is away, or is not one that the agent trusts.
    """
    context = verifying_context(identity.anchors)
    link = ServerLink(identity.server, context, PeerCheck(identity.server_id))
    try:
        found, _ = await link.get(ROOTS_PATH, CARoots)
    finally:
        await link.close()
    return _bundle("".join(root.root_cert for root in found.roots))


async def rejoined(identity: AgentIdentity, now: datetime, fraction: float) -> AgentIdentity:
    """Return the agent with a new leaf, asked for by proof of its old key.

    For an agent whose leaf has expired, so that mTLS is out of reach. The server decides how long
    ago that may have been, and whether the agent was forgotten.

    Raises:
        DeniedError: forgotten, or too late; join again with a new token.
        Error: the server is away, or its answer cannot be used.
    """
    wanted = Wanted(key=identity.key, identity=identity.id)
    request = RejoinRequest(node=identity.id.node, csr=csr_pem(leaf_csr(wanted.key, identity.id)))
    context = verifying_context(identity.anchors)
    link = ServerLink(identity.server, context, PeerCheck(identity.server_id))
    try:
        signed = await link.post("/v1/cluster/rejoin", request, SignedLeaf)
    finally:
        await link.close()
    return identity_of(signed, wanted, identity.anchors, identity.server, now, fraction)


def identity_of(
    signed: SignedLeaf,
    wanted: Wanted,
    anchors: tuple[x509.Certificate, ...],
    server_url: str,
    now: datetime,
    fraction: float,
) -> AgentIdentity:
    """Return the identity that a server's answer gives, once it passed every check.

    ``anchors`` are those trusted before the answer; the new bundle is the answer's.

    Raises:
        ProviderError: the answer is for somebody else, or leads to no trusted root.
    """
    agent_id = wanted.identity
    if not isinstance(agent_id, AgentId):
        raise ProviderError(f"{agent_id} is no agent's ID")
    if (signed.trust_domain, signed.datacenter) != (
        str(agent_id.trust_domain),
        agent_id.datacenter,
    ):
        raise ProviderError("the server speaks for another trust domain or datacenter")
    chain = verified_chain(signed.cert_pem, wanted, anchors, now=now)
    window = renewal_window(now, chain[0].not_valid_after_utc)
    return AgentIdentity(
        id=agent_id,
        key=wanted.key,
        chain=chain,
        anchors=_bundle(signed.roots_pem),
        server=server_url,
        issued_at=now,
        renew_at=drawn(window, fraction),
    )


def _bundle(pem: str) -> tuple[x509.Certificate, ...]:
    try:
        return parse_certificates(pem, field="RootsPEM")
    except RequestError as error:
        raise ProviderError(f"the server sent no roots: {error}") from error


async def _pinned_root(server_url: str, pin: str) -> x509.Certificate:
    link = ServerLink(server_url, unsafe_unverified_context(), None)
    try:
        text = await link.get_text(f"{ROOTS_PATH}?pem")
    finally:
        await link.close()
    roots = _bundle(text)
    root = pinned(roots, pin)
    if root is None:
        shown = ", ".join(fingerprint(found)[:16] for found in roots)
        raise ConfigError(
            f"{server_url} has another root ({shown}…) than the join token ({pin[:16]}…); "
            "the token was not sent",
            where="agent.server",
            hint="check --server, or make a token there: ca-core token join --node NAME",
        )
    return root


def _agent_id(server: ServerId | None, node: str) -> AgentId:
    if server is None:
        raise ProviderError("the server did not show who it is")
    return AgentId(trust_domain=server.trust_domain, datacenter=server.datacenter, node=node)
