"""What fuzzing begins with: honest inputs and known attacks of every target, and their words."""

import json

from tests.fuzz import login
from tests.fuzz.mesh import CHAIN, OF_ANOTHER, OF_NO_VERSION, TRUST_DOMAIN, WEB

_ASKED = f'{{"Target":"db","ClientCertURI":"{WEB}"}}'

_INTENTION = (
    '{"SourceName":"web","DestinationName":"db","Action":"allow"}',
    (
        '{"action":"deny","DESCRIPTION":"why","Meta":{"a":"b"},"Observe":true,"SourceNS":"*",'
        '"SourceName":"*","DestinationNS":"ns","DestinationName":"*"}'
    ),
    (
        '{"Permissions":[{"Action":"deny","HTTP":{"PathPrefix":"/admin"}},{"Action":"allow","HTTP":'
        '{"PathRegex":"/v1/(a|b)+","Methods":["GET","head"],"Header":[{"Name":"x-role","Exact":"ops",'
        '"Invert":true,"IgnoreCase":true}]}}]}'
    ),
    '{"Action":"allow","Action":"deny"}',
    '{"Permissions":[{"Action":"allow","HTTP":{"PathRegex":"(a+)+$"}}]}',
    '{"Permissions":null,"Action":"allow","JWT":{"Providers":[]}}',
    '{"Action":"allow","Precedence":1e400,"Hash":' + "[" * 60 + "]" * 60 + "}",
    "null",
    "[]",
)

SEEDS: dict[str, tuple[bytes, ...]] = {
    "spiffe_uri": tuple(
        text.encode()
        for text in (
            WEB,
            WEB.replace("/ns/", "/ap/default/ns/"),
            "spiffe://1234.consul",
            "spiffe://1234.consul/agent/client/dc/dc1/id/n1",
            "spiffe://1234.consul/agent/server/dc/dc1",
            "spiffe://1234.consul/gateway/mesh/dc/dc1",
            WEB.replace("web", "w%2Feb"),
            WEB.replace("//", "//user@"),
            WEB.replace(".consul/", ".consul:8500/"),
            WEB.replace("spiffe", "SPIFFE"),
            f"{WEB}?a=b#c",
            WEB.replace("web", ".."),
            "http://google.com/",
        )
    ),
    "authorize_body": tuple(
        text.encode()
        for text in (
            _ASKED,
            _ASKED.replace("Target", "target").replace("URI", "uri"),
            _ASKED.replace("web", "api"),
            _ASKED.replace(TRUST_DOMAIN, "other.consul"),
            _ASKED.replace("/ns/", "/ap/default/ns/"),
            _ASKED.replace("/ns/", "/ap/p2/ns/"),
            _ASKED[:-1] + f',"ClientCertURI":"{WEB[:-3]}api"}}',
            _ASKED[:-1] + f',"clientcerturi":"{WEB[:-3]}api"}}',
            _ASKED[:-1] + ',"ClientCertSerial":"be:ef","Request":null}',
            _ASKED[:-1] + f',"ClientCert":{json.dumps(CHAIN)}}}',
            _ASKED[:-1] + f',"ClientCert":{json.dumps(OF_ANOTHER)}}}',
            _ASKED[:-1] + f',"ClientCert":{json.dumps(OF_NO_VERSION)}}}',
            _ASKED.replace("db", "api")[:-1]
            + ',"Request":{"Method":"GET","Path":"/v1/x","Headers":{"x-a":["b"]}}}',
            _ASKED.replace("db", "api")[:-1] + ',"Request":{"Path":"/v1/../x"}}',
            "null",
            "[]",
        )
    ),
    "intention_body": tuple(text.encode() for text in _INTENTION),
    "policy_document": (
        b'service "web" {\n  policy = "write"\n  intentions = "read"\n}\noperator = "read"\n',
        b'service_prefix "" { policy = "read" } # all\nnode "n1" { policy = "deny" }',
        b'[service.web]\npolicy = "write"\n[service_prefix.""]\npolicy = "read"\n',
        b'acl = "write"\n[agent."n 1"]\npolicy = "read"\n',
        b'{"service":{"web":{"policy":"write","intentions":"deny"}},"operator":"write"}',
        b'{"service":{"web":{"policy":"write"},"web":{"policy":"deny"}}}',
        b'key_prefix "" { policy = "read" }',
        b'service "a" { policy = "\\u0041" }',
        b"service {{{{{{{{{{{{{{{{",
    ),
    "request_path": (
        b"/", b"/admin", b"/%61dmin", b"//admin", b"/x/../admin", b"/%2e%2e/admin", b"/a;/../admin",
        b"/\\admin", b"/x/%2E%2E%2fadmin", b"/%2561dmin", b"/./admin/?x=/y", b"/public/\xc3\xa9",
        b"/admin%00", b"/x//../admin", b"/;x/admin", b"/public;a/../;b/admin;c",
    ),
    "import_file": (
        *(f"[{text}]".encode() for text in _INTENTION),
        (b'[{"Kind":"service-intentions","Name":"db","Sources":[{"Name":"web","Action":"allow",'
        b'"Precedence":9,"Type":"consul","LegacyMeta":{"a":"b"}},{"Name":"*","Peer":"east"}],'
        b'"Meta":{"c":"d"},"JWT":null}]'),
        (b'{"kind":"service-intentions","name":"db","sources":[{"name":"web","permissions":'
        b'[{"action":"deny","http":{"path_prefix":"/a"}}]}]}'),
        b'{"Provider":"consul","Config":{"LeafCertTTL":"72h"}}',
    ),
    "login_jwt": login.SEEDS,
}  # fmt: skip
"""Where each target begins."""

_JSON = ('"', "{", "}", "[", "]", ":", ",", "null", "true", "1e400", "-1", "\\u0000", "\\ud800")

WORDS: dict[str, tuple[str, ...]] = {
    "spiffe_uri": (
        "spiffe://", "/ns/", "/dc/", "/svc/", "/ap/default", "/agent/client", "/id/",
        "/agent/server", "/gateway/mesh", "%2F", "@", ":", "?", "#", "..", ".consul",
    ),
    "authorize_body": (
        *_JSON, '"Target"', '"ClientCertURI"', '"ClientCertSerial"', '"ClientCert"', '"Request"',
        '"Method"', '"Path"', '"Headers"', '"db"', '"api"', WEB, "spiffe://", "/ap/", "/svc/",
        "web", '"target"', '"T\\u0061rget"', "-----BEGIN CERTIFICATE-----",
        "-----END CERTIFICATE-----", "%2F",
    ),
    "intention_body": (
        *_JSON, '"Action"', '"allow"', '"deny"', '"Permissions"', '"HTTP"', '"PathExact"', '"/"',
        '"PathPrefix"', '"PathRegex"', '"Header"', '"Name"', '"Regex"', '"Invert"', '"Methods"',
        '"SourceName"', '"DestinationNS"', '"*"', '"peer:p/x"', '"JWT"', '"Meta"', '"Observe"',
    ),
    "policy_document": (
        *_JSON, "service", "_prefix", "node", "agent", "operator", "acl", "policy", "intentions",
        "read", "write", "deny", "=", "#", "//", "/*", "*/", "<<EOF", "\n", "${", "'", '"""', "[[",
    ),
    "request_path": (
        "/", "..", ".", "%2e", "%2f", "%5c", "%25", "%61", "admin", ";", "\\", "?", "#", "%",
        "\x00",
    ),
    "import_file": (
        *_JSON, '"Kind"', '"service-intentions"', '"Name"', '"Sources"', '"Peer"', '"Partition"',
        '"SourceName"', '"DestinationName"', '"Action"', '"allow"', '"Permissions"', '"JWT"',
        '"Provider"', '"Config"', '"LegacyMeta"', '"sameness_group"',
    ),
    "login_jwt": login.WORDS,
}  # fmt: skip
"""Words that a fuzzer may put anywhere; one that knows them gets deeper sooner."""
