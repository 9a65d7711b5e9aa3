"""The OpenAPI document is the route table, and it holds together."""

import json
import re

from ca_core.api.app import openapi_bytes
from ca_core.api.routes import AGENT_ROUTES, PROCESS_ROUTES, ROUTES, SERVER_ROUTES, Standing

DOCUMENT = json.loads(openapi_bytes(ROUTES))
OPERATIONS = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def references(node):
    """Yield every ``$ref`` below a node."""
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from references(item)


def test_every_route_is_there_and_nothing_else():
    """The document and the table name the same methods on the same paths, each once."""
    for routes in (SERVER_ROUTES, AGENT_ROUTES, PROCESS_ROUTES):
        assert len({(route.method, route.path) for route in routes}) == len(routes)
    assert set(OPERATIONS) == {(route.method, route.path) for route in ROUTES}


def test_every_reference_resolves():
    """No schema points to one that is not there, and none lies there unused."""
    schemas = DOCUMENT["components"]["schemas"]
    found = set(references(DOCUMENT))
    assert found == {f"#/components/schemas/{name}" for name in schemas}


def test_every_operation_is_complete():
    """An id of its own, a sentence, a success, and the problem that any error is."""
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    for place, operation in OPERATIONS.items():
        assert operation["summary"].endswith("."), place
        assert set(operation["responses"]) == {"200", "default"}
        problem = operation["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"]["$ref"].endswith("/Problem")


def test_path_parameters_are_those_of_the_path():
    """Each variable part is declared, required, and in the path."""
    for (_, path), operation in OPERATIONS.items():
        declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert all(p["required"] for p in operation["parameters"] if p["in"] == "path")
        names = [p["name"] for p in operation["parameters"]]
        assert len(set(names)) == len(names)


def test_bodies_are_described_where_they_are_taken():
    """A route that reads JSON says so, with unknown fields refused in the schema too."""
    schemas = DOCUMENT["components"]["schemas"]
    for route in ROUTES:
        operation = OPERATIONS[route.method, route.path]
        assert ("requestBody" in operation) == (route.accepts is not None)
        if route.accepts is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            body = schemas[schema["$ref"].rpartition("/")[2]]
            assert body["additionalProperties"] is False


def test_what_is_corrected_says_how():
    """A route that differs from Consul's has a note; one that is the same has none."""
    for route in ROUTES:
        if route.standing is Standing.CORRECTED:
            assert route.note
        if route.standing is Standing.SAME:
            assert not route.note


def test_it_is_an_openapi_document():
    """Version, title, and paths that begin with a slash."""
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert set(DOCUMENT) == {"openapi", "info", "paths", "components"}
    assert all(path.startswith("/") for path in DOCUMENT["paths"])
