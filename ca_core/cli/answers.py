"""What ``--output json`` prints, by command: keys are added, never renamed or removed."""

from dataclasses import dataclass

_CONSULS = "Consul's document, as the API answers it"

_CREDENTIAL = (
    "`Credential` is null if the provider has none yet, else it has `Ends` and `HoursLeft` (both "
    "null if it never expires), `Failures` (in a row), `LastError`"
)


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
    "ca csr": JsonAnswer("object", ("CSR",), "PEM"),
    "ca install-chain": JsonAnswer("object", ("Installed",)),
    "ca status": JsonAnswer(
        "object",
        (
            *("TrustDomain", "Datacenter", "Ready", "Reason", "ProviderOK", "ProviderMessage"),
            *("Credential", "Signer", "SignerNotAfter", "Authorities", "ReviewPlugins"),
        ),
        "an authority has `ID`, `Provider`, `Phase`, `RootFingerprint`, `NotAfter`, `Leaves`, "
        "`Complete`, `Ceiling`; a review plugin `Name`, `Package`, `Version`, `SwitchedOff` (why)"
        f"; {_CREDENTIAL}",
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
    "token join": JsonAnswer("object", ("ID", "Node", "Token", "ExpiresAt")),
}
"""Every command that answers, by what one types after ``ca-core``."""
