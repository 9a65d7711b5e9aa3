import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.identity.spiffe import (
    MAX_ID_BYTES,
    AgentId,
    GatewayId,
    ServerId,
    ServiceId,
    SigningId,
    SpiffeId,
    TrustDomain,
    kind_of,
    parse_spiffe_id,
)

TD = TrustDomain("1234.consul")

ACCEPTED = {
    "spiffe://1234.consul/ns/default/dc/dc01/svc/web": ServiceId(
        trust_domain=TD, namespace="default", datacenter="dc01", service="web"
    ),
    "spiffe://1234.consul/agent/client/dc/dc1/id/uuid": AgentId(
        trust_domain=TD, datacenter="dc1", node="uuid"
    ),
    "spiffe://1234.consul/agent/server/dc/dc1": ServerId(trust_domain=TD, datacenter="dc1"),
    "spiffe://1234.consul/gateway/mesh/dc/dc1": GatewayId(trust_domain=TD, datacenter="dc1"),
    "spiffe://1234.consul": SigningId(TD),
}

REFUSED = {
    "http://google.com/": "scheme",
    "SPIFFE://1234.consul": "scheme",
    "1234.consul": "scheme",
    "": "scheme",
    "spiffe:1234.consul": "scheme",
    "spiffe://1234.consul/ns/foo%2Fbar/dc/bar%2Fbaz/svc/baz%2Fqux": "percent-encoding",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/web?x=1": "query",
    "spiffe://1234.consul?": "query",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/web#x": "fragment",
    "spiffe://root@1234.consul/ns/default/dc/dc1/svc/web": "user info",
    "spiffe://1234.consul:8443/ns/default/dc/dc1/svc/web": "port",
    "spiffe://1234.CONSUL/ns/default/dc/dc1/svc/web": "trust domain",
    "spiffe:///ns/default/dc/dc1/svc/web": "trust domain",
    "spiffe://": "trust domain",
    "spiffe://1234 consul": "trust domain",
    "spiffe://bücher.example": "trust domain",
    "spiffe://" + "a" * 256: "trust domain",
    "spiffe://1234.consul/": "expected format",
    "spiffe://1234.consul//": "expected format",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/web/": "expected format",
    "spiffe://1234.consul/ns/default/dc/dc1/svc": "expected format",
    "spiffe://1234.consul/ns/default//dc/dc1/svc/web": "expected format",
    "spiffe://1234.consul/svc/web": "expected format",
    "spiffe://1234.consul/agent/client/dc/dc1": "expected format",
    "spiffe://1234.consul/ap/default": "expected format",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/": "service",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/..": "service",
    "spiffe://1234.consul/ns/./dc/dc1/svc/web": "namespace",
    "spiffe://1234.consul/ns/default/dc/d c/svc/web": "datacenter",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/wéb": "service",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/web\n": "service",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/w\x00b": "service",
    "spiffe://1234.consul/ap/bizdev/ns/default/dc/dc1/svc/web": "'bizdev' is not served",
    "spiffe://1234.consul/ns/default/dc/dc1/svc/" + "w" * MAX_ID_BYTES: "longer than",
}


@pytest.mark.parametrize(("text", "identity"), ACCEPTED.items())
def test_every_shape_of_consul_is_parsed_into_its_own_type(text: str, identity: SpiffeId):
    """The parse table of Consul's URI test, row by row."""
    assert parse_spiffe_id(text) == identity
    assert str(identity) == text


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=lambda text: text[:60])
def test_everything_else_is_refused_with_its_reason(text: str, reason: str):
    """Foreign parts, foreign characters and foreign shapes are each named."""
    with pytest.raises(RequestError, match=reason):
        parse_spiffe_id(text)


def test_the_default_partition_is_accepted_and_dropped():
    """Consul writes it in some editions; it means the same."""
    text = "spiffe://1234.consul/ap/default/ns/default/dc/dc1/svc/web"
    assert str(parse_spiffe_id(text)) == "spiffe://1234.consul/ns/default/dc/dc1/svc/web"


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "a:1", "é", "a\n", "a" * 256, "a%20"])
def test_a_trust_domain_has_only_the_characters_spiffe_allows(name: str):
    """1 to 255 of a-z, 0-9, dot, hyphen, underscore. Source: SPIFFE-ID §2.1."""
    with pytest.raises(RequestError, match="trust domain"):
        TrustDomain(name)


@pytest.mark.parametrize("name", ["a", "a" * 255, "a_b-c.d", "0", "1234.consul"])
def test_a_trust_domain_may_be_anything_within_them(name: str):
    """It is not a DNS name: underscores and 255 characters are fine."""
    assert str(TrustDomain(name)) == name


@pytest.mark.parametrize("part", ["service", "namespace", "datacenter"])
@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "a%2Fb", "a b", "é", "a\n", "a?b", "a#b"])
def test_a_name_that_spiffe_refuses_makes_no_identity(part: str, value: str):
    """An ID that exists can always be printed and parsed again."""
    fields = {"namespace": "default", "datacenter": "dc1", "service": "web", part: value}
    with pytest.raises(RequestError, match=part):
        ServiceId(trust_domain=TD, **fields)


@pytest.mark.parametrize(
    "make",
    [
        lambda long: ServiceId(trust_domain=TD, datacenter="dc1", service=long),
        lambda long: AgentId(trust_domain=TD, datacenter="dc1", node=long),
        lambda long: ServerId(trust_domain=TD, datacenter=long),
        lambda long: GatewayId(trust_domain=TD, datacenter=long),
    ],
)
def test_an_identity_longer_than_spiffe_allows_cannot_be_made(make):
    """2,048 bytes, whoever makes it. Source: SPIFFE-ID §2.3."""
    with pytest.raises(RequestError, match="longer than 2048"):
        make("x" * MAX_ID_BYTES)


domains = st.from_regex(r"[a-z0-9._-]{1,60}", fullmatch=True).map(TrustDomain)
segments = st.from_regex(r"[a-zA-Z0-9._-]{1,40}", fullmatch=True).filter(
    lambda s: s not in {".", ".."}
)
identities = st.one_of(
    st.builds(
        ServiceId,
        trust_domain=domains,
        namespace=segments,
        datacenter=segments,
        service=segments,
    ),
    st.builds(AgentId, trust_domain=domains, datacenter=segments, node=segments),
    st.builds(ServerId, trust_domain=domains, datacenter=segments),
    st.builds(GatewayId, trust_domain=domains, datacenter=segments),
    st.builds(SigningId, domains),
)


@given(identities)
def test_what_is_printed_is_parsed_to_the_same(identity: SpiffeId):
    """``parse(str(id)) == id`` for every ID there is."""
    assert parse_spiffe_id(str(identity)) == identity


@given(st.text())
def test_no_text_makes_the_parser_fail_otherwise(text: str):
    """Hostile text gives ``RequestError`` or an ID that prints as it was."""
    for candidate in (text, f"spiffe://{text}", f"spiffe://td/{text}"):
        try:
            identity = parse_spiffe_id(candidate)
        except RequestError:
            continue
        assert str(identity) == candidate.replace("/ap/default/", "/", 1)


@given(identities, identities)
def test_two_identities_print_alike_only_if_they_are_one(one: SpiffeId, other: SpiffeId):
    """Nobody gets another's URI by clever names."""
    assert (str(one) == str(other)) == (one == other)


def test_each_kind_has_its_name():
    """The words of metrics and records."""
    kinds = [kind_of(identity) for identity in ACCEPTED.values()]
    assert kinds == ["service", "agent", "server", "gateway", "signing"]
