"""Agents and servers among themselves: join, rejoin, sign; and what operators see of it."""

from datetime import datetime

from ca_core.acl.access import Action
from ca_core.acl.names import foreign_names, own_name
from ca_core.acl.principal import Node, Principal, Token
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import ServerRoom, require, require_right
from ca_core.authority.leafrequests import IssuedLeaf
from ca_core.authority.roots import bundle_pem
from ca_core.authority.rows import current_signer
from ca_core.catalog.commits import removed
from ca_core.contract.events import EventType
from ca_core.durations import parse_duration
from ca_core.errors import DeniedError, NotReadyError, RequestError
from ca_core.identity.certificates import fingerprint, spki_digest
from ca_core.identity.csr import CheckedCsr, check_csr, load_csr
from ca_core.identity.spiffe import (
    DEFAULT_NAMESPACE,
    AgentId,
    GatewayId,
    ServerId,
    ServiceId,
    SpiffeId,
    parse_spiffe_id,
)
from ca_core.lifecycle.rows import AgentRecord
from ca_core.wire.cluster import (
    AgentRow,
    JoinRequest,
    JoinToken,
    JoinTokenRequest,
    RejoinRequest,
    SignedLeaf,
    SignRequest,
)
from ca_core.wire.times import parse_wire_time, wire_time


async def join(room: ServerRoom, request: Request) -> Response:
    """Let a new agent in: the commit that creates it consumes its token; its own leaf is signed."""
    asked = request.json(JoinRequest)
    csr, identity = _agent_csr(room, asked.csr, asked.node)
    membership = room.membership
    membership.invited(asked.token_id, asked.secret, identity)
    issued = await _own_leaf(room, csr, identity)  # a CA that is busy or away costs no token
    not_after = issued.certificate.not_valid_after_utc
    key = spki_digest(csr.csr.public_key())
    await membership.admit(asked.token_id, asked.secret, identity, key=key, not_after=not_after)
    room.events.tell(EventType.AGENT_JOINED, node=identity.node, identity=str(identity))
    return _released(room, issued, identity)


async def rejoin(room: ServerRoom, request: Request) -> Response:
    """Let an agent back in whose leaf expired: the CSR, signed by its old key, is the proof."""
    asked = request.json(RejoinRequest)
    csr, identity = _agent_csr(room, asked.csr, asked.node)
    key = spki_digest(csr.csr.public_key())
    room.membership.returning(identity, key)
    issued = await _own_leaf(room, csr, identity)
    await room.membership.renewed(identity, key, issued.certificate.not_valid_after_utc)
    room.events.tell(EventType.AGENT_REJOINED, node=identity.node, identity=str(identity))
    return _released(room, issued, identity)


async def sign(room: ServerRoom, request: Request) -> Response:
    """Sign a leaf for an agent: its own next one, or one for a service on its node."""
    asked = request.json(SignRequest)
    agent, known = await calling_agent(room, request)
    csr = checked_csr(room, asked.csr)
    if csr.identity == agent:
        return await _renewed(room, csr, agent, known.keys[0], _replaced(room, asked))
    caller = await _holder(room, request, asked, agent)
    require_names(room, caller, csr)
    issued = await room.manager.sign(
        csr, principal=caller, through=request.principal, replaces=_replaced(room, asked)
    )
    # It counts until that leaf has ended; and it may have been forgotten meanwhile.
    await room.membership.fetched(agent, known.joined, issued.certificate.not_valid_after_utc)
    return json_response(signed_leaf(room, issued))


async def calling_agent(room: ServerRoom, request: Request) -> tuple[AgentId, AgentRecord]:
    """Return the agent at the other end of an mTLS connection, and what is known of it.

    The key that it uses is the first of those known. Its lease lives on.

    Raises:
        DeniedError: somebody else calls, or an agent that is no member.
        ConflictError: the agent's row changes all the time; try again.
    """
    caller = request.principal
    if not isinstance(caller, Node) or not isinstance(caller.identity, AgentId):
        raise DeniedError("only agents may ask this, over mTLS")
    known = await room.membership.proved(caller.identity, caller.key_digest)
    room.reachability.saw(caller.identity.node)
    return caller.identity, known


async def new_join_token(room: ServerRoom, request: Request) -> Response:
    """Make a join token for one node; the answer holds its secret, once."""
    require(room.may, request, Action.OPERATOR_WRITE)
    asked = request.json(JoinTokenRequest)
    manager = room.manager
    agent = AgentId(
        trust_domain=manager.trust_domain, datacenter=manager.datacenter, node=asked.node
    )
    parse_spiffe_id(str(agent))  # its length too
    ttl = parse_duration(asked.ttl, field="TTL")
    if not ttl:
        raise RequestError("a token that lives no time lets nobody in", field="TTL")
    token_id, token, expires = await room.membership.new_token(asked.node, ttl, _pin(room))
    answer = JoinToken(id=token_id, node=asked.node, token=token, expires_at=wire_time(expires))
    return json_response(answer)


async def agents(room: ServerRoom, request: Request) -> Response:
    """Return every joined agent."""
    require(room.may, request, Action.OPERATOR_READ)
    rows = [
        AgentRow(
            node=agent.node,
            spiffe_id=agent.spiffe_id,
            joined_at=wire_time(agent.joined),
            leaf_not_after=wire_time(agent.leaf_not_after),
            last_seen=_seen(room, agent.node),
        )
        for agent in room.membership.agents()
    ]
    return json_response(rows)


async def forget(room: ServerRoom, request: Request) -> Response:
    """Remove an agent: it can neither renew nor rejoin."""
    require(room.may, request, Action.OPERATOR_WRITE)
    node = request.params["node"]
    await room.membership.forget(node)
    room.reachability.forget(node)
    room.catalog.liveness.forget(node)
    await room.store.until_nothing(lambda view: removed(room.catalog.following.at(view), node))
    room.events.tell(EventType.AGENT_FORGOTTEN, node=node)
    return json_response(value=True)


def checked_csr(room: ServerRoom, pem: str) -> CheckedCsr:
    """Return a CSR for this trust domain and datacenter.

    Raises:
        RequestError: any rule of ``check_csr``, or an identity that is not of this place.
    """
    csr = check_csr(load_csr(pem))
    if csr.identity.trust_domain != room.manager.trust_domain:
        raise RequestError(
            f"SPIFFE ID in CSR from a different trust domain: {csr.identity.trust_domain},"
            f" we are {room.manager.trust_domain}",
            field="csr.san.uri",
        )
    theirs, ours = _datacenter_of(csr.identity), room.manager.datacenter
    if theirs != ours:
        raise RequestError(
            f"SPIFFE ID in CSR from a different datacenter: {theirs}, we are {ours}",
            field="csr.san.uri",
        )
    return csr


def require_names(room: ServerRoom, caller: Principal, csr: CheckedCsr) -> None:
    """Refuse a CSR for an identity or names that this caller may not have.

    Raises:
        DeniedError: names what is missing.
        RequestError: the identity is of a kind that is never signed for a caller.
    """
    match csr.identity:
        case ServiceId(service=name, namespace=namespace):
            if namespace != DEFAULT_NAMESPACE:  # a right on a name is one on it in that namespace
                raise RequestError(f"only {DEFAULT_NAMESPACE!r} is served here", field="ns")
            require_right(room.may, caller, Action.SERVICE_WRITE, name)
        case _:
            raise RequestError("only services and the agent itself get leaves here", field="csr")
    for name in foreign_names(own_name(csr.identity), csr.dns_names, csr.ip_addresses):
        require_right(room.may, caller, Action.OPERATOR_WRITE, name)


def signed_leaf(room: ServerRoom, issued: IssuedLeaf) -> SignedLeaf:
    """Return an issued leaf as agents receive it."""
    return SignedLeaf(
        cert_pem=issued.pem,
        index=issued.index,
        trust_domain=room.manager.trust_domain.name,
        datacenter=room.manager.datacenter,
        roots_pem=bundle_pem(room.store.snapshot),
    )


async def _holder(
    room: ServerRoom, request: Request, asked: SignRequest, agent: AgentId
) -> Principal:
    """Return for whom an agent asks: the holder of a token it was shown, else the agent itself."""
    if not asked.grant:
        return request.principal
    return Token(await room.granting.holder(asked.grant, agent))


async def _renewed(
    room: ServerRoom, csr: CheckedCsr, agent: AgentId, using: str, replaces: datetime | None
) -> Response:
    """Sign an agent's next leaf; until the agent uses it, both keys prove the agent."""
    coming = spki_digest(csr.csr.public_key())
    await room.membership.expect_key(agent, using, coming)
    issued = await _own_leaf(room, csr, agent, replaces)
    await room.membership.renewed(agent, coming, issued.certificate.not_valid_after_utc)
    return _released(room, issued, agent)


async def _own_leaf(
    room: ServerRoom, csr: CheckedCsr, identity: AgentId, replaces: datetime | None = None
) -> IssuedLeaf:
    """Sign an agent's leaf for itself; the caller notes it before it is released."""
    foreign = foreign_names(identity.node.lower(), csr.dns_names, csr.ip_addresses)
    if foreign:
        raise DeniedError(f"agent {identity.node!r} may not have the names {', '.join(foreign)}")
    caller: Principal = Node(identity=identity, key_digest=spki_digest(csr.csr.public_key()))
    return await room.manager.sign(csr, principal=caller, replaces=replaces)


def _released(room: ServerRoom, issued: IssuedLeaf, identity: AgentId) -> Response:
    room.reachability.saw(identity.node)
    return json_response(signed_leaf(room, issued))


def _replaced(room: ServerRoom, asked: SignRequest) -> datetime | None:
    """Return the expiry that decides the place in the queue; nobody is before a first leaf."""
    if not asked.replaces:
        return None
    return max(parse_wire_time(asked.replaces, field="Replaces"), room.clock.now())


def _agent_csr(room: ServerRoom, pem: str, node: str) -> tuple[CheckedCsr, AgentId]:
    csr = checked_csr(room, pem)
    if not isinstance(csr.identity, AgentId) or csr.identity.node != node:
        raise RequestError(f"the CSR must be for the agent on node {node[:80]!r}", field="CSR")
    return csr, csr.identity


def _datacenter_of(identity: SpiffeId) -> str:
    match identity:
        case ServiceId() | AgentId() | ServerId() | GatewayId():
            return identity.datacenter
        case _:
            return ""


def _pin(room: ServerRoom) -> str:
    current = current_signer(room.store.snapshot)
    if current is None:
        raise NotReadyError(room.manager.why_not_ready())
    return fingerprint(current[0].anchor_certificate)


def _seen(room: ServerRoom, node: str) -> str:
    seen = room.reachability.last(node)
    return wire_time(seen) if seen else ""
