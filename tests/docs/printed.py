"""Code that ``plugins.md`` prints, as modules: what a reader copies is what runs here."""

import re
import types

from docs.pages import ROOT

PAGE = (ROOT / "plugins.md").read_text()
_TUTORIAL = re.compile(r"<!-- begin: example-provider -->\n```python\n(.*?)```", re.DOTALL)


def source_of(name):
    """Return the code of a block that is marked ``<!-- example: NAME -->``."""
    return re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)[1]


def tutorial_source():
    """Return the provider of the tutorial."""
    return _TUTORIAL.search(PAGE)[1]


def module_of(source, name):
    """Return the module of a printed file."""
    module = types.ModuleType(name)
    exec(compile(source, f"plugins.md:{name}", "exec"), vars(module))
    return module
