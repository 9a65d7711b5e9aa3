"""What ``--output json`` prints, by command: keys are added, never renamed or removed."""

from dataclasses import dataclass

_CONSULS = "Consul's document, as the API answers it"


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """The shape of one command's answer.

    Attributes:
        shape: ``object``, ``list`` of objects, or ``lines`` with one object each.
        keys: of the object, or of each object; where Consul defines them, the most used.
        note: what is not obvious.
    """

    shape: str
    keys: tuple[str, ...]
    note: str = ""


_OPERATION = (
    *("ID", "Kind", "Phase", "Actor", "OldAuthority", "NewAuthority", "OldSigner", "NewSigner"),
    *("OldProvider", "NewProvider", "CrossSigned", "Forced", "Deadline", "OnDeadline"),
    *("NotBefore", "WaitsFor", "Reason", "LeftBehind", "History", "Progress"),
    *("CanAbort", "CanRollBack"),
)

ANSWERS = {
    "agent forget": JsonAnswer("object", ("Node", "Forgotten")),
    "agent list": JsonAnswer(
        "list", ("Node", "SpiffeID", "JoinedAt", "LeafNotAfter", "LastSeen"), "times are RFC 3339"
    ),
    "backup": JsonAnswer(
        "object", ("File", "MadeAt", "Epoch", "Index", "Rows", "Records", "KeyIDs")
    ),
    "ca get-config": JsonAnswer("object", ("Provider", "Config"), _CONSULS),
    "ca roots": JsonAnswer("object", ("ActiveRootID", "TrustDomain", "Roots"), _CONSULS),
    "ca abort": JsonAnswer("object", _OPERATION, "as `ca operations`"),
    "ca apply": JsonAnswer(
        "object",
        _OPERATION,
        "as `ca operations`, once it is over, or with `--detach` begun; `ID` is empty if nothing "
        "had to change",
    ),
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
    "ca renew": JsonAnswer("object", _OPERATION, "as `ca apply`"),
    "ca rollback": JsonAnswer("object", _OPERATION, "as `ca operations`"),
    "ca rotate": JsonAnswer("object", _OPERATION, "as `ca apply`"),
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
    "ca taint": JsonAnswer("object", _OPERATION, "as `ca apply`"),
    "ca csr": JsonAnswer("object", ("CSR",), "PEM"),
    "ca install-chain": JsonAnswer("object", ("Installed",)),
    "ca status": JsonAnswer(
        "object",
        (
            *("TrustDomain", "Datacenter", "Ready", "Reason", "ProviderOK", "ProviderMessage"),
            *("Signer", "SignerNotAfter", "Authorities", "ReviewPlugins", "Overdue"),
        ),
        "an authority has `ID`, `Provider`, `Phase`, `RootFingerprint`, `NotAfter`, `Leaves`, "
        "`Complete`, `Ceiling`; a review plugin `Name`, `Package`, `Version`, `SwitchedOff` (why); "
        "with `--watch` one line for each change, with `Operation` as `ca operations` has it",
    ),
    "doctor": JsonAnswer(
        "object",
        ("Grade", "Findings"),
        "a finding has `Group`, `Check`, `Level` (ok, skipped, warning, failure), `Detail`, `Hint`",
    ),
    "leaf get": JsonAnswer(
        "object",
        ("CertPEM", "PrivateKeyPEM", "SerialNumber", "ServiceURI", "ValidAfter", "ValidBefore"),
        f"{_CONSULS}, with the key; with `--out`: `ServiceURI`, `ValidBefore`, `Leaf`, `Key`, "
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
    "leaf watch": JsonAnswer("lines", ("Service", "Out", "ValidBefore"), "one after every change"),
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
        "`Limits`, `Notes`, `Healthy`, `Message`, `Details`",
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
    "token join": JsonAnswer("object", ("ID", "Node", "Token", "ExpiresAt")),
}
"""Every command that answers, by what one types after ``ca-core``."""
