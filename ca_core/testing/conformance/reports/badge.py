"""The badge: JSON that a server of badges turns into a picture.

Source: the endpoint schema of shields.io.
"""

import json

from ca_core.testing.conformance.results import Report
from ca_core.testing.conformance.words import Outcome

LABEL = "ca-core conformance"


def badge(report: Report) -> str:
    """Return the badge's JSON: the level reached; deviations that are admitted are counted."""
    message, color = _shown(report)
    value = {"schemaVersion": 1, "label": LABEL, "message": message, "color": color}
    return json.dumps(value, indent=2) + "\n"


def _shown(report: Report) -> tuple[str, str]:
    if report.left_out:
        return "partial run", "lightgrey"
    if report.reached is None:
        return "failing", "red"
    deviations = len(report.of(Outcome.KNOWN_DEVIATION))
    more = f", {deviations} known deviation{'s' * (deviations != 1)}" if deviations else ""
    return f"{report.reached.name}{more}", "brightgreen" if report.conforms else "yellow"
