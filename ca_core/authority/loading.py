"""Importing one plugin, alone: a manager that knows nobody else, and refusals that name it.

Messages hold the type of a foreign exception and where it was raised, never its text: that may hold
a secret.
"""

import traceback
from collections.abc import Iterator
from importlib import metadata
from pathlib import PurePath
from types import ModuleType

import pluggy

from ca_core.authority.plugintrace import PluginTrace, log
from ca_core.contract import plugin as hooks
from ca_core.contract.plugin import PROJECT
from ca_core.errors import PluginHookError, PluginImportError, PluginOrigin
from ca_core.fields import nearest_hint


def imported(entry: metadata.EntryPoint, origin: PluginOrigin, trace: PluginTrace | None) -> object:
    """Return what an entry point names.

    Raises:
        PluginImportError: importing it raised, or tried to end the process.
    """
    began = trace.now() if trace else 0.0
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise PluginImportError(
            f"cannot be imported: {fault_of(error)}",
            origin=origin,
            hint=f"mend or uninstall {origin.distribution}; `ca-core doctor` tries every plugin",
        ) from error
    finally:
        if trace:
            trace.imported(origin, began)


def registered(
    plugin: object,
    origin: PluginOrigin,
    *,
    specs: ModuleType | type = hooks,
    trace: PluginTrace | None = None,
) -> pluggy.PluginManager:
    """Return a manager with this one plugin; what it uses that is deprecated is logged.

    Args:
        plugin: a module or an object with hook implementations.
        origin: whose it is.
        specs: module or class with the hook specifications.
        trace: tells of every hook call, or None.

    Raises:
        PluginHookError: it implements a hook or takes an argument that does not exist.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    try:
        manager.register(plugin, name=origin.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginHookError(_hook_fault(error, manager), origin=origin) from error
    except Exception as error:
        fault = f"cannot be registered: {fault_of(error)}"
        raise PluginHookError(fault, origin=origin) from error
    _warn_of_deprecated(manager, origin)
    if trace:
        trace.watch(manager, origin)
    return manager


def where_raised(error: BaseException) -> str:
    """Return file and line of the plugin's code that raised, or "its entry point"."""
    places = [
        f"{PurePath(frame.f_code.co_filename).name}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not _is_machinery(frame.f_code.co_filename)
    ]
    return places[-1] if places else "its entry point"


def _is_machinery(file: str) -> bool:
    """Say whether a frame is of what loads plugins, ours included, and not of the plugin."""
    ours = file == __file__ or "/pluggy/" in file
    return ours or file.startswith("<frozen importlib") or "/importlib/" in file


def fault_of(error: BaseException) -> str:
    """Return the type of a foreign exception and where it was raised, without its text."""
    match error:
        case SyntaxError(filename=file, lineno=line):
            return f"{type(error).__name__} at {file}:{line}"
        case ModuleNotFoundError(name=str(name)):
            return f"ModuleNotFoundError: no module {name!r}, wanted at {where_raised(error)}"
        case _:
            return f"{type(error).__name__} at {where_raised(error)}"


def _hook_fault(error: pluggy.PluginValidationError, manager: pluggy.PluginManager) -> str:
    """Return pluggy's finding without the lines that show the plugin's code or its repr."""
    text = str(error)
    if text.startswith("unknown hook "):
        name = text.split("'")[1]
        known = [caller.name for caller in _callers(manager) if caller.has_spec()]
        return f"implements the unknown hook {name!r}{nearest_hint(name, known)}"
    lines = text.splitlines()
    return f"{lines[-1]} ({lines[0]})"


def _callers(manager: pluggy.PluginManager) -> list[pluggy.HookCaller]:
    return [one for one in vars(manager.hook).values() if isinstance(one, pluggy.HookCaller)]


def _warn_of_deprecated(manager: pluggy.PluginManager, origin: PluginOrigin) -> None:
    """Log every deprecated hook and argument in use; pluggy's own warnings name no plugin."""
    for caller in _callers(manager):
        for implementation in caller.get_hookimpls():
            taken = (*implementation.argnames, *implementation.kwargnames)
            for what, warning in _deprecated(caller):
                if what in {"", *taken}:
                    used = f"argument {what!r} of {caller.name}" if what else caller.name
                    log.warning("%s uses what is deprecated: %s: %s", origin, used, warning)


def _deprecated(caller: pluggy.HookCaller) -> Iterator[tuple[str, Warning]]:
    """Yield (argument, warning) of a hook, the argument empty if the hook itself goes."""
    spec = caller.spec
    if spec is not None and spec.warn_on_impl:
        yield "", spec.warn_on_impl
    if spec is not None and spec.warn_on_impl_args:
        yield from ((name, one) for name, one in spec.warn_on_impl_args.items())
