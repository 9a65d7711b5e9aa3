"""The reference of ``plugins.md`` leaves nothing out: methods, hooks, checks, options, names."""

import dataclasses
import inspect

import pytest

from ca_core import contract, testing
from ca_core.cli.schema import option_rows
from ca_core.contract import Error, Kept, Provider, Request, plugin
from ca_core.testing.conformance import CHECKS, Level, Outcome, ProviderUnderTest
from docs.checks import OUTCOMES
from docs.options import provider_options
from docs.pages import ROOT
from docs.typenames import as_written

PAGE = (ROOT / "plugins.md").read_text()
FLAT = PAGE.replace("\\|", "|")


def own_functions(kind):
    """Return (name, function) of what a class or module itself defines for others."""
    return [
        (name, member)
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]


def written(function):
    """Return the signature as the page must show it, ``self`` aside."""
    whole = inspect.signature(function)
    kept = [one for one in whole.parameters.values() if one.name != "self"]
    return as_written(str(whole.replace(parameters=kept)))


HOOKS = [(name, hook) for name, hook in own_functions(plugin) if name.startswith("ca_")]


@pytest.mark.parametrize(("name", "method"), own_functions(Provider))
def test_every_method_of_a_provider_stands_with_its_signature(name, method):
    """A method that is missing, or whose signature differs, fails here."""
    assert f"`{name}{written(method)}`" in FLAT


@pytest.mark.parametrize(("name", "hook"), HOOKS)
def test_every_hook_stands_with_its_signature(name, hook):
    """A hook that is missing, or whose signature differs, fails here."""
    assert f"`{name}{written(hook)}`" in FLAT


@pytest.mark.parametrize(("name", "method"), own_functions(Kept))
def test_every_method_of_kept_stands_with_its_signature(name, method):
    """So does what most providers keep their names and keys with."""
    assert f"`kept.{name}{written(method)}`" in FLAT


@pytest.mark.parametrize("check", list(CHECKS), ids=lambda check: check.id)
def test_every_check_is_documented_with_its_level_and_rule(check):
    """No check asks for what its author could not have read."""
    title = f"**`{check.id}`** · {check.level.name} · "
    assert PAGE.count(title) == 1
    after = PAGE.partition(title)[2]
    assert after.splitlines()[0].replace("\\*", "*").replace("&lt;", "<").strip() == (
        " ".join(check.rule.split()).replace("``", "`")
    )


def test_every_level_and_outcome_is_explained():
    """The words of a report can be looked up."""
    assert set(OUTCOMES) == set(Outcome)
    assert [level.name for level in Level if f"| `{level.name}` |" not in PAGE] == []
    assert [one.value for one in Outcome if f"| {one.value} |" not in PAGE] == []


@pytest.mark.parametrize("name", contract.__all__)
def test_every_name_of_the_contract_is_mentioned(name):
    """What a provider may import is on the page."""
    assert name in PAGE


@pytest.mark.parametrize("name", testing.__all__)
def test_every_name_of_the_testing_package_is_mentioned(name):
    """What an author may test with is on the page."""
    assert name in PAGE


def test_every_request_field_is_described():
    """No field of a request or of the kit's subject stands without a meaning."""
    kinds = [kind for kind in vars(contract).values() if isinstance(kind, type)]
    requests = [kind for kind in kinds if issubclass(kind, Request)]
    shared = {field.name for field in dataclasses.fields(Request)}
    own = [
        f"| `{kind.__name__}.{field.name}` |"
        for kind in requests
        for field in dataclasses.fields(kind)
        if kind is Request or field.name not in shared
    ]
    lines = {row: next((ln for ln in PAGE.splitlines() if ln.startswith(row)), "") for row in own}
    assert [row for row, line in lines.items() if not line or line.endswith("|  |")] == []
    fields = [field.name for field in dataclasses.fields(ProviderUnderTest)]
    assert [name for name in fields if f"| `{name}` |" not in PAGE] == []


def test_every_error_of_the_contract_is_in_the_decision_table():
    """For each error an author may raise, the page says when."""
    decision = PAGE.partition("## How to: errors")[2].partition("\n## ")[0]
    kinds = [
        kind.__name__
        for kind in (getattr(contract, name) for name in contract.__all__)
        if isinstance(kind, type) and issubclass(kind, Error)
    ]
    roots = {"Error", "ProviderError"}
    assert [name for name in kinds if name not in roots and f"`{name}" not in decision] == []


@pytest.mark.parametrize("name", ["builtin", "chaos"])
def test_the_option_table_of_a_provider_is_its_schema(name):
    """Every key of the schema is a row, with its type, its default and its meaning."""
    from ca_core.authority.registry import Registry

    shown = provider_options(name)
    assert shown in PAGE
    rows = [line for line in shown.splitlines()[2:] if line]
    keys = [key for key, *_ in option_rows(Registry().get(name).schema)]
    assert [row.split("`")[1] for row in rows] == keys
    assert all(row.rsplit("|", 2)[1].strip() for row in rows)
