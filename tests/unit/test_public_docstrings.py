"""Every public name of the two packages that authors import says what it is and what it raises."""

import ast
import functools
import inspect
import itertools
import re
import sys
import textwrap

import pytest

import ca_core.contract
import ca_core.testing
from ca_core import errors
from ca_core.contract import ConfigError, NotReadyError, Provider, RequestError
from ca_core.testing.conformance import Violation

PACKAGES = (ca_core.contract, ca_core.testing)


def public_names(package):
    """Return the public names of a package with their values; a module that it shows has some."""
    for name in package.__all__:
        value = getattr(package, name)
        if not inspect.ismodule(value):
            yield f"{package.__name__}.{name}", value
            continue
        for inner, found in vars(value).items():
            if not inner.startswith("_") and getattr(found, "__module__", "") == value.__name__:
                yield f"{value.__name__}.{inner}", found


PUBLIC = dict(name for package in PACKAGES for name in public_names(package))
ERRORS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)} | {
    "Violation": Violation
}
SOURCED = re.compile(
    r"\.(issue_|assert_(?!refuses)|checked_(?!pem)|new_serial|ca_csr|cross_sign_csr|is_)|_faults$"
)
SOURCE = re.compile(r"RFC \d|SPIFFE X509-SVID|the rules? ``|``Provider\.")


def ours(value):
    """Say whether a class or function is written in this project."""
    return getattr(value, "__module__", "").startswith("ca_core.")


CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value) and ours(value)}
FUNCTIONS = {n: v for n, v in PUBLIC.items() if inspect.isfunction(v) and ours(v)}
CONSTANTS = PUBLIC.keys() - CLASSES.keys() - FUNCTIONS.keys()


def members(kind):
    """Return the functions behind the public methods and properties that a class itself has."""
    found = {}
    for name, value in vars(kind).items():
        behind = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if not name.startswith("_") and inspect.isfunction(behind):
            found[name] = behind
    return found


METHODS = {
    f"{name}.{member}": function
    for name, kind in CLASSES.items()
    for member, function in members(kind).items()
    if ours(function)
}


@functools.cache
def tree(module):
    """Return the syntax tree of a module."""
    return ast.parse(inspect.getsource(sys.modules[module]))


def private_functions(module):
    """Return the functions and methods of a module whose names begin with one underscore."""
    found = {}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef) and re.match(r"_(?!_)", node.name):
            found[node.name] = node
    return found


def raised(node, module, seen=frozenset()):
    """Return the names of our errors that leave a function by ``raise``, private helpers included.

    What stands in a ``try`` that has handlers does not count: it may be caught there.
    """
    found, helpers = set(), private_functions(module)
    for part in outside_of_try(node):
        if isinstance(part, ast.Raise) and isinstance(part.exc, ast.Call):
            name = getattr(part.exc.func, "id", "")
            found |= {name} & ERRORS.keys()
        called = getattr(part, "func", None)
        name = getattr(called, "attr", getattr(called, "id", ""))
        if isinstance(part, ast.Call) and name in helpers.keys() - seen:
            found |= raised(helpers[name], module, seen | {name})
    return found


def outside_of_try(node):
    """Yield the nodes of a function, but not those of inner functions, nor what may be caught."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Try) and child.handlers:
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from outside_of_try(part)
            continue
        yield child
        yield from outside_of_try(child)


def definition(function):
    """Return the syntax tree of one function."""
    return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


def names_in(text):
    """Return our errors that a text names."""
    return {name for name in ERRORS if re.search(rf"\b{name}\b", text)}


def inherited_docs(name):
    """Return the docstrings that a method has: its own, and of what it overrides."""
    kind, _, member = name.rpartition(".")
    family = CLASSES[kind].__mro__ if kind in CLASSES else ()
    overridden = [vars(above)[member].__doc__ for above in family if member in vars(above)]
    return overridden or [PUBLIC[name].__doc__]


def undocumented(function, *docs, anyway=frozenset()):
    """Return our errors that a function raises and that no ``Raises`` section of ``docs`` names."""
    sections = ((doc or "").partition("Raises:")[2].partition("Source:")[0] for doc in docs)
    named = names_in(" ".join(sections)) | anyway
    return {
        name
        for name in raised(definition(function), function.__module__)
        if not any(issubclass(ERRORS[name], ERRORS[other]) for other in named)
    }


def documented_constants(module):
    """Return the names that are assigned at the top of a module with a sentence below them."""
    body = tree(module).body
    found = set()
    for node, after in itertools.pairwise(body):
        sentence = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if sentence and isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("name", sorted(CLASSES | FUNCTIONS | METHODS))
def test_it_says_what_it_is(name):
    """In a docstring of its own, not one that Python made up or that was inherited."""
    doc = (CLASSES | FUNCTIONS | METHODS)[name].__doc__
    assert doc
    assert not doc.startswith(f"{name.rpartition('.')[2]}(")


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_a_constant_has_a_sentence_below_it(name):
    """Where it is assigned: that is what an editor shows."""
    modules = [module for module in sys.modules if module.startswith("ca_core.")]
    last = name.rpartition(".")[2]
    assert any(last in documented_constants(module) for module in modules)


@pytest.mark.parametrize("name", sorted(FUNCTIONS | METHODS))
def test_it_names_the_errors_that_it_raises(name):
    """Each error of ours, or one above it in the tree, stands under ``Raises``.

    A provider's method may leave it to what it overrides, and to what any method may raise.
    """
    function = (FUNCTIONS | METHODS)[name]
    kind = CLASSES.get(name.rpartition(".")[0], object)
    anyway = names_in(Provider.__doc__) if issubclass(kind, Provider) else set()
    assert undocumented(function, *inherited_docs(name), anyway=anyway) == set()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_names_the_errors_of_its_constructor(name):
    """The constructor is documented on the class."""
    kind = CLASSES[name]
    for constructor in ("__init__", "__post_init__"):
        function = vars(kind).get(constructor)
        if (
            inspect.isfunction(function)
            and ours(function)
            and "<string>" not in function.__code__.co_filename
        ):
            assert undocumented(function, kind.__doc__) == set()


@pytest.mark.parametrize("name", sorted(filter(SOURCED.search, FUNCTIONS)))
def test_what_makes_or_judges_a_certificate_names_its_source(name):
    """The standard that the profile or the rule comes from."""
    assert SOURCE.search(FUNCTIONS[name].__doc__)


def test_a_missing_error_is_found():
    """Directly, and in a private helper; what is caught does not count."""
    assert undocumented(_forgetful, _forgetful.__doc__) == {"RequestError", "ConfigError"}


def _forgetful():
    """Say nothing of what is raised."""
    try:
        raise NotReadyError("caught")  # noqa: TRY301 - that is what is looked for
    except NotReadyError:
        pass
    if len(ERRORS) > 1:
        raise RequestError("never")
    _helper()


def _helper():
    raise ConfigError("never")
