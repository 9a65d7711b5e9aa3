"""Where the authorizer knowingly differs from Consul's, and what of Consul's is not here."""

from ca_core.api.deviation import Absence, Deviation

AUTHORIZE_DEVIATIONS = (
    Deviation(
        "Authorize: trust domain",
        "not looked at: a client of another one is judged by its name (test `allowTrustDomain`)",
        "denied with `Identity from an external trust domain`;"
        ' `authorize.foreign_trust_domains = "allow"` judges it by its name',
        "`web` of another mesh is another `web`",
    ),
    Deviation(
        "Authorize: datacenter and serial number",
        "not looked at; `ClientCertSerial` is documented as required",
        "looked at with `authorize.check_datacenter` and `authorize.check_serial`; off by default,"
        " and `ClientCertSerial` may be left out",
        "a check that is announced should be made",
    ),
    Deviation(
        "Authorize: the certificate",
        "the caller has verified it",
        "the same; with `ClientCert` (PEM, leaf first) it is verified here too: path, names, life,"
        " revocation",
        "a program without a verifier of its own can ask for one",
    ),
    Deviation(
        "Authorize: requests",
        "an intention with permissions denies",
        "the same; with `Request` (`Method`, `Path`, `Headers`) its permissions decide, and a"
        " request that can be read in several ways is denied",
        "whoever knows the request may be told about it",
    ),
    Deviation(
        "Authorize: paths",
        "compared as they are sent, unless normalisation is configured",
        "in one form; parameters (`/admin;x`) count both ways: without them a denial of `/admin`"
        " holds too, and an allowance must hold with and without",
        "servers differ in what they drop (CVE-2024-10005)",
    ),
    Deviation(
        "Authorize: names",
        "the target is looked up in lower case, the client is compared by case",
        "both by case",
        "two names that differ are two services",
    ),
    Deviation(
        "Authorize: age of what is known",
        "any age, while no server answers",
        "any age, with `Age`; older than `agent.max_staleness` nobody is allowed",
        "an operator may prefer a denial to an old answer",
    ),
    Deviation(
        "Authorize: after the body",
        "whatever follows the first JSON value is left aside",
        "400",
        "two readers of one body must not see two requests",
    ),
)
"""Every difference in authorize."""

AUTHORIZE_ABSENCES = (
    Absence(
        "`service-intentions` and other config entries in files or over HTTP",
        "intentions are rows of their own; `ca-core import consul` takes exported ones",
    ),
    Absence(
        "`/v1/internal/…`, RPCs between servers, agents and clients (`Intention.Apply`, …)",
        "agents and servers speak HTTP with one another, under `/v1/cluster`",
    ),
    Absence(
        "protocols of services (`service-defaults`), proxies that enforce permissions",
        "who enforces a decision asks for it; permissions count wherever they are written",
    ),
)
"""What a client of Consul will miss around authorize."""
