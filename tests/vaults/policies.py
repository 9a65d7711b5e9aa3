"""The policies that are shipped, for mounts of a test, line by line."""

import itertools
from pathlib import Path

SHIPPED = Path(__file__).parents[2] / "docker" / "vault"
_NUMBERS = itertools.count(1)


def lines_of(name):
    """Return the rules of a shipped policy; in that of an adopted root, ISSUER is its id."""
    text = (SHIPPED / f"policy-{name}.hcl").read_text()
    return [line for line in text.splitlines() if line.startswith("path")]


def token_with(mounts, lines):
    """Return a token that may do to ``mounts`` what ``lines`` say, and not even the default."""
    name, text = f"policy-{mounts.vault.label}{next(_NUMBERS)}", "\n".join(lines)
    text = text.replace("connect-root", mounts.root)
    text = text.replace("connect-intermediate", mounts.intermediate)
    mounts.call("PUT", f"sys/policies/acl/{name}", {"policy": text})
    mounts.policies.append(name)
    fields = {"policies": [name], "no_default_policy": True, "ttl": "1h", "no_parent": True}
    return mounts.call("POST", "auth/token/create", fields)["auth"]["client_token"]
