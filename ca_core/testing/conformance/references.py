"""Where the outages can be read about that checks name by a short id, for readers of a report."""

from collections.abc import Iterable

INCIDENTS = {
    "S01": "Consul GH-15217, GH-15253, GH-15661",
    "S02": "Consul GH-18112",
    "S03": "Consul GH-14516, GH-16592",
    "S04": "Consul GH-14598",
    "S05": "Consul GH-14429",
    "S06": "Consul GH-16818",
    "S07": "Consul GH-15005",
    "S08": "Consul GH-11693, GH-12820",
    "S09": "Consul GH-7597, GH-4736",
    "S10": "Consul GH-11672, GH-11671, GH-9428, GH-6513, GH-7012",
    "S11": "Consul GH-12607, GH-19285",
    "S12": "Consul GH-19095",
    "S13": "Consul GH-15525",
    "S14": "Consul GH-15035, and a regression of 1.11.9, 1.12.5 and 1.13.2",
    "S15": "Consul GH-10630",
    "S16": "Consul GH-8576, GH-8681, GH-9443, GH-10070",
    "S17": "Consul GH-9498",
    "S18": "Consul GH-10330, GH-10331",
    "S19": "Consul GH-6491; SPIRE #3971, #3997, #4352",
    "S20": "Consul GH-15320",
    "S21": "Consul GH-6638",
    "S22": "Consul GH-7011, GH-4463",
    "S23": "Consul GH-14579",
    "S24": "CVE-2020-28053",
    "S25": "CVE-2021-36213",
    "S26": "SPIRE #2445, #1965, #2110",
    "S27": "SPIRE #6964",
    "S28": "SPIRE #6590, #6773",
    "S29": "SPIRE #5771",
    "S30": "cert-manager #1430",
    "S31": "cert-manager #7741, #1038",
    "S32": "cert-manager #3152",
    "S33": "step-ca #1376",
    "S34": "step-ca's Vault CAS, by reading",
    "S35": "acme2certifier's Vault handler, by reading",
    "S36": "CVE-2024-10005",
    "S37": "CVE-2024-10006",
    "S38": "Consul GH-17075, by reading",
}
"""Id → issues of public projects; what broke is told in ``docs/conformance/incidents.md``."""


def readable(sources: Iterable[str]) -> tuple[str, ...]:
    """Return sources with the public reference beside every short id."""
    return tuple(
        f"{source} ({INCIDENTS[source]})" if source in INCIDENTS else source for source in sources
    )
