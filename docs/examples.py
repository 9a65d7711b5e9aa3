"""Code of the repository that a page prints: what a reader copies is what the tests run."""

from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "tests/example_plugin/src/ca_provider_example/__init__.py"


def example_provider() -> str:
    """Return the tutorial's provider, whole, as a block of Python."""
    return f"```python\n{EXAMPLE.read_text()}```\n"
