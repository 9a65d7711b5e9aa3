"""What ``--output json`` prints, by command: keys are added, never renamed or removed."""

from ca_core.cli.aclanswers import ACL_ANSWERS
from ca_core.cli.jsonanswer import CONSULS, JsonAnswer

_CREDENTIAL = (
    "`Credential` is null if the provider has none yet, else it has `Ends` and `HoursLeft` (both "
    "null if it never expires), `Failures` (in a row), `LastError`"
)


_OPERATION = (
    *("ID", "Kind", "Phase", "Actor", "OldAuthority", "NewAuthority", "OldSigner", "NewSigner"),
    *("OldProvider", "NewProvider", "CrossSigned", "Forced", "Deadline", "OnDeadline"),
    *("NotBefore", "WaitsFor", "Reason", "LeftBehind", "History", "Progress"),
    *("CanAbort", "CanRollBack"),
)

_CHANGED = JsonAnswer("object", _OPERATION, like="ca operations")
_BEGUN = JsonAnswer(
    "object",
    _OPERATION,
    "once it is over, with `--detach` once it has begun; `ID` is empty if nothing had to change",
    like="ca operations",
)

_INTENTION = JsonAnswer(
    "object",
    (
        *("SourceNS", "SourceName", "DestinationNS", "DestinationName", "SourceType"),
        *("Precedence", "CreateIndex", "ModifyIndex"),
    ),
    f"{CONSULS}; `Action` or `Permissions`; where it says something `ID`, `Description`, `Meta`,"
    " `Observe`, `CreatedAt`, `UpdatedAt`",
)


_SERVICE = ("ID", "Service", "Kind", "Address", "Port", "Tags", "Meta", "Health")

ANSWERS = {
    "agent forget": JsonAnswer("object", ("Node", "Forgotten")),
    "agent list": JsonAnswer(
        "list", ("Node", "SpiffeID", "JoinedAt", "LeafNotAfter", "LastSeen"), "times are RFC 3339"
    ),
    "backup": JsonAnswer(
        "object", ("File", "MadeAt", "Epoch", "Index", "Rows", "Records", "KeyIDs")
    ),
    "ca get-config": JsonAnswer("object", ("Provider", "Config"), CONSULS),
    "ca roots": JsonAnswer("object", ("ActiveRootID", "TrustDomain", "Roots"), CONSULS),
    "ca abandon": JsonAnswer("object", ("Key", "Authority", "Signer", "Since", "Error")),
    "ca abort": _CHANGED,
    "ca apply": _BEGUN,
    "ca operations": JsonAnswer(
        "list",
        _OPERATION,
        "with an ID that one; a step of `History` has `Phase`, `At`; `Progress` has `Counted`, "
        "`Acknowledged`, `Missing`, `Leaves`, `Reissued`; somebody missing `Node`, `SpiffeID`, "
        "`Reachable`, `Until`",
    ),
    "ca plan": JsonAnswer(
        "object",
        (
            *("Kind", "Changes", "NewRoot", "Why", "Phases", "CrossSigned"),
            *("MissingCapabilities", "MissingPermissions", "Blockers", "TTLRules", "Warnings"),
            *("Leaves", "SigningRate", "ReissueSeconds", "SettleSeconds", "Acknowledge"),
            *("Counted", "Unreachable"),
        ),
        "`Kind` is swap, rotate, settings or none",
    ),
    "ca renew": _BEGUN,
    "ca rollback": _CHANGED,
    "ca rotate": _BEGUN,
    "ca set-config": JsonAnswer(
        "object", ("Operation", "Active"), "`Operation` is empty if nothing had to change"
    ),
    "ca simulate": JsonAnswer(
        "object",
        (
            *("Kind", "Outcome", "Reason", "Due", "Phases", "Missing", "ReissuedSeconds"),
            *("RetiredSeconds", "SimulatedSeconds", "CSRs", "Handshakes", "FailedHandshakes"),
            *("WorstFailingShare", "MostExpiredLeaves", "Curve"),
        ),
        "seconds count from the beginning; a phase has `Phase`, `Seconds`; `CSRs` has `Asked`, "
        "`Signed`, `Refused`, `Failed`, `PeakPerSecond`; a point of `Curve` has `Seconds`, and "
        "`Asked` and `Signed` a second",
    ),
    "ca taint": _BEGUN,
    "ca csr": JsonAnswer("object", ("CSR",), "PEM"),
    "ca install-chain": JsonAnswer("object", ("Installed",)),
    "ca status": JsonAnswer(
        "object",
        (
            *("TrustDomain", "Datacenter", "Ready", "Reason", "ProviderOK", "ProviderMessage"),
            *("Credential", "Signer", "SignerNotAfter", "Authorities", "Leftovers"),
            *("ReviewPlugins", "Overdue", "Drift"),
        ),
        "an authority has `ID`, `Provider`, `Phase`, `RootFingerprint`, `NotAfter`, `Leaves`, "
        "`Complete`, `Ceiling`; what is left behind as `ca abandon` has it; a review "
        "plugin `Name`, `Package`, `Version`, `SwitchedOff` (why); "
        f"{_CREDENTIAL}; "
        "with `--watch` one line for each change, with `Operation` as `ca operations` has it",
    ),
    "service register": JsonAnswer("list", _SERVICE, "what was registered, sidecars included"),
    "service list": JsonAnswer("list", _SERVICE, "`Health` is that of the worst check"),
    "service deregister": JsonAnswer("object", ("Deregistered",), "the id of the instance"),
    "check list": JsonAnswer(
        "list",
        ("CheckID", "Name", "Status", "Output", "ServiceID", "Type"),
        f"{CONSULS}: checks of this host",
    ),
    **{
        f"check {word}": JsonAnswer("object", ("CheckID", "Status", "Output"), "what was reported")
        for word in ("pass", "warn", "fail")
    },
    "catalog nodes": JsonAnswer(
        "list",
        ("ID", "Node", "Address", "Datacenter", "TaggedAddresses", "Meta", "AgentStatus"),
        f"{CONSULS}, and how the check stands that says whether the node's agent calls",
    ),
    "catalog service": JsonAnswer(
        "list", ("Node", "Service", "Checks"), f"{CONSULS} of `/v1/health/service/:service`"
    ),
    "cache top": JsonAnswer(
        "object",
        ("BudgetBytes", "Bytes", "Kinds", "Entries"),
        "as `/v1/agent/cache` answers it; `Entries` is empty for who is no operator",
    ),
    "catalog services": JsonAnswer("object", (), f"{CONSULS}: the name of a service → its tags"),
    "doctor": JsonAnswer(
        "object",
        ("Grade", "Findings"),
        "a finding has `Group`, `Check`, `Level` (ok, skipped, warning, failure), `Detail`, `Hint`",
    ),
    "leaf get": JsonAnswer(
        "object",
        ("CertPEM", "PrivateKeyPEM", "SerialNumber", "ServiceURI", "ValidAfter", "ValidBefore"),
        f"{CONSULS}, with the key; with `--out`: `ServiceURI`, `ValidBefore`, `Leaf`, `Key`, "
        "`Bundle` (paths)",
    ),
    "leaf inspect": JsonAnswer(
        "object",
        (
            *("SpiffeID", "Kind", "NotBefore", "NotAfter", "SecondsLeft", "Names", "Key"),
            *("Subject", "Issuer", "SerialNumber", "SubjectKeyID", "AuthorityKeyID", "SHA256"),
            *("Chain", "Findings"),
        ),
        "a finding has `Level` (wrong, note) and `Text`; `Chain` holds fingerprints",
    ),
    "leaf revoke": JsonAnswer(
        "object", ("Identity", "SerialNumber", "Authority", "Signer", "Reason")
    ),
    "leaf watch": JsonAnswer("lines", ("Service", "Out", "ValidBefore"), "one after every change"),
    "import consul": JsonAnswer(
        "object",
        ("Applied", "Intentions", "Configurations"),
        "an intention has `Step` (`create`, `replace`, `same`, `refused`; with `--apply` `created`,"
        " `replaced`, `failed`), `Source`, `Destination`, `Says`, `Why`, `DecidesInstead`; a"
        " configuration `Provider`, `Plan` (null if it is refused), `Why`",
    ),
    "intention authorize": JsonAnswer("object", ("Authorized", "Reason"), "as the API has it"),
    "intention check": JsonAnswer("object", ("Allowed", "Reason")),
    "intention create": _INTENTION,
    "intention delete": JsonAnswer("object", ("Source", "Destination", "Deleted")),
    "intention diff": JsonAnswer(
        "object",
        ("Differences",),
        "each has `Effect`, `Sources`, `Destinations`, `Gained`, `Lost`, `Text`",
    ),
    "intention explain": JsonAnswer(
        "object",
        ("Source", "Destination", "Path", "Fault", "Decision", "Would", "Default", "Candidates"),
        "the API's document; `Candidates` stand as they are evaluated, `LeftOut` more do not",
    ),
    "intention get": _INTENTION,
    "intention list": JsonAnswer("list", _INTENTION.keys, _INTENTION.note),
    "intention match": JsonAnswer("list", _INTENTION.keys, like="intention list"),
    "intention suggest": JsonAnswer(
        "list",
        ("SourceNS", "SourceName", "DestinationNS", "DestinationName", "Action", "Description"),
        "bodies for `POST /v1/connect/intentions`",
    ),
    "intention test": JsonAnswer(
        "list", ("Expected", "Passed", "Explanation"), "the last as `intention explain` has it"
    ),
    "plugin new": JsonAnswer(
        "object",
        ("Folder", "Package", "Template", "Files", "Edit", "Run", "Next"),
        "`Run` is what `plugin test` answers, or null; `Edit` is file:line",
    ),
    "plugin test": JsonAnswer(
        "object",
        ("Folder", "Passed", "Failed", "Skipped", "Seconds", "Failures"),
        "a failure has `Test` (a check's id, or a test's name) and `Message`; with `--watch` one "
        "line for each run",
    ),
    "provider check": JsonAnswer(
        "object",
        (
            *("Name", "Package", "Version", "EntryPoint", "APIVersion", "Capabilities", "Config"),
            *("OK", "Online"),
        ),
        "`Online` is null without `--online`, else it has `Exists`, `MissingPermissions`, "
        "`Limits`, `Notes`, `Healthy`, `Message`, `Details`, "
        f"`Credential`; {_CREDENTIAL}",
    ),
    "provider conformance": JsonAnswer(
        "object",
        ("OK", "Verdict", "Report", "Files", "Passport"),
        "`Report` follows `docs/schemas/conformance-report.schema.json`; `Passport` is a path or "
        "null",
    ),
    "provider verify-passport": JsonAnswer(
        "object",
        ("OK", "TrustedKey", "SignedBy", "Installed", "Fault", "Statement"),
        "`TrustedKey` is null if no trusted key signed it; `Installed` is same, other or absent",
    ),
    "provider list": JsonAnswer(
        "list",
        ("Name", "Package", "Version", "EntryPoint", "Kind", "Used"),
        "`Kind` is provider or hooks; `Used` is null if the configuration cannot be read",
    ),
    "provider show": JsonAnswer(
        "object",
        ("Name", "Description", "APIVersion", "Capabilities", "Schema"),
        "`Schema` is JSON Schema",
    ),
    "restore": JsonAnswer("object", ("DataDir", "Epoch", "KeyIDs")),
    "secrets rekey": JsonAnswer("object", ("KeyID", "Rewrapped")),
    **ACL_ANSWERS,
}
"""Every command that answers, by what one types after ``ca-core``."""
