"""What a tool that prints tracebacks with locals would show of an error and all behind it."""

import io
import traceback

from rich.console import Console
from rich.traceback import Traceback


def shown(error: BaseException, *, pretty: bool = True) -> str:
    """Return every frame's locals, the tests' own left out, and what the errors hold.

    By ``traceback``; if ``pretty``, also by ``rich``, which looks into objects and takes its time.
    """
    chain = _chain(error)
    found = [_plain(each) + repr(vars(each)) for each in chain]
    return "\n".join(found + [_pretty(each) for each in chain if pretty])


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error with causes and contexts, those that ``from None`` hides too."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in found:
            found.append(each)
            waiting += [each.__cause__, each.__context__]
    return found


def _below_tests(error: BaseException):
    trace = error.__traceback__
    while trace is not None and "/tests/" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return trace


def _plain(error: BaseException) -> str:
    found = traceback.TracebackException(
        type(error), error, _below_tests(error), capture_locals=True, compact=False
    )
    frames = [frame for frame in found.stack if "/tests/" not in frame.filename]
    return "".join(traceback.StackSummary.from_list(frames).format()) + "".join(
        f"{frame.name}: {frame.locals}\n" for frame in frames
    )


def _pretty(error: BaseException) -> str:
    screen = io.StringIO()
    console = Console(file=screen, width=400, color_system=None)
    trace = Traceback.extract(type(error), error, _below_tests(error), show_locals=True)
    for stack in trace.stacks:
        stack.frames = [frame for frame in stack.frames if "/tests/" not in frame.filename]
        del stack.frames[60:]
    del trace.stacks[1:]
    console.print(Traceback(trace, show_locals=True, width=400))
    return screen.getvalue()
