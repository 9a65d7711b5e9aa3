"""The OpenAPI document, made from the route table."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ca_core.api.problems import PROBLEM_JSON, Problem
from ca_core.api.routes import Route

_VARIABLE = re.compile(r"{(\w+)}")
_REFERENCES = "#/components/schemas/{name}"


def openapi_document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """Return the document for ``routes``; component names are those of the wire types."""
    listed = tuple(routes)
    kinds = [
        kind for route in listed for kind in (route.accepts, route.answers) if kind is not None
    ]
    _, components = msgspec.json.schema_components((*kinds, Problem), ref_template=_REFERENCES)
    paths: dict[str, Any] = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    _tell_apart(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ca-core", "version": version},
        "paths": paths,
        "components": {"schemas": components},
    }


def _tell_apart(paths: dict[str, Any]) -> None:
    """Add the method to the id of what a handler serves beside its first route: ids are unique."""
    taken: set[str] = set()
    for operations in paths.values():
        for method, operation in operations.items():
            if operation["operationId"] in taken:
                operation["operationId"] += f".{method}"
            taken.add(operation["operationId"])


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}",
        "summary": route.summary,
        "tags": [route.room.value],
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {"200": _answer(route), "default": _problem()},
    }
    if route.accepts is not None:
        content = {"application/json": {"schema": _schema(route.accepts)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = _VARIABLE.findall(route.path)
    return [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": p.name, "in": "query", "description": p.meaning, "schema": {"type": "string"}}
        for p in route.parameters
    ]


def _answer(route: Route) -> dict[str, Any]:
    if route.answers is None:
        return {"description": "as the summary says"}
    content = {"application/json": {"schema": _schema(route.answers)}}
    return {"description": "as the summary says", "content": content}


def _problem() -> dict[str, Any]:
    content = {PROBLEM_JSON: {"schema": _schema(Problem)}}
    return {
        "description": "a problem document, or plain text if JSON was not asked for",
        "content": content,
    }


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components((kind,), ref_template=_REFERENCES)
    return dict(schema)
