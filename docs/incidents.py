"""Outages and defects of other systems, each with who keeps it from happening here."""

from docs.incident import Incident, Owner

_SIGNING = "tests/vaults/incidents/test_signing_certificates.py"
_TOKENS = "tests/vaults/incidents/test_dying_tokens.py"
_PLACES = "tests/vaults/incidents/test_places.py"
_TLS = "tests/vaults/incidents/test_tls_and_time.py"
_STARTS = "tests/vaults/incidents/test_failing_starts.py"
_DECIDING = "tests/unit/intentions/test_deciding.py"
_AUTHORIZE = "tests/unit/api/test_authorize.py"

_ROTATIONS = "tests/unit/lifecycle/incidents/test_s_rotations.py"
_LEAVES = "tests/unit/agent/incidents/test_s_leaves.py"

INCIDENTS = (
    Incident(
        id="S01",
        seen="Consul GH-15217, GH-15253, GH-15661",
        broke="A new intermediate was imported into the backend, but the backend's default went on "
        "signing with the old one. It was renewed every hour until leaves failed.",
        owners=(Owner.PROVIDER, Owner.VAULT),
        because="Only the provider can sign under the signer that a request names.",
        covered=(_SIGNING,),
    ),
    Incident(
        id="S02",
        seen="Consul GH-18112",
        broke="The root moved to another place in the backend; leaves were still signed below the "
        "old root.",
        owners=(Owner.PROVIDER,),
        because="The signers of a new authority must lead to its own root.",
        covered=(_SIGNING,),
    ),
    Incident(
        id="S03",
        seen="Consul GH-14516, GH-16592",
        broke="A changed life or key type was configured, and never reached the backend's roles.",
        owners=(Owner.PROVIDER, Owner.VAULT),
        because="Life and key stand in each request; a provider may not answer from what it set up "
        "earlier.",
        covered=(_SIGNING,),
    ),
    Incident(
        id="S04",
        seen="Consul GH-14598",
        broke="Old roots vanished from the bundle after a change of provider and a restart.",
        owners=(Owner.LIFECYCLE,),
        because="The bundle is rows in the core's store; no provider is asked for it after a "
        "restart.",
        covered=(
            "tests/unit/authority/test_bringup.py",
            _ROTATIONS,
        ),
    ),
    Incident(
        id="S05",
        seen="Consul GH-14429",
        broke="Expired intermediates were never removed and piled up.",
        owners=(Owner.PROVIDER, Owner.LIFECYCLE),
        because="The core says when a signer goes; the provider removes all that carries its id.",
        covered=(_SIGNING, _ROTATIONS),
    ),
    Incident(
        id="S06",
        seen="Consul GH-16818",
        broke="A race let some leaves go unrenewed after 72 hours.",
        owners=(Owner.AGENT,),
        because="Renewal is the agent's; a provider never hears of it.",
        covered=(_LEAVES, "tests/unit/agent/test_endurance.py"),
    ),
    Incident(
        id="S07",
        seen="Consul GH-15005",
        broke="The first rotation of the root was noticed, later ones were not.",
        owners=(Owner.AGENT, Owner.LIFECYCLE),
        because="Who waits for new roots is the agent; see also the checks that rotate repeatedly.",
        covered=(_LEAVES, "tests/unit/agent/test_rootscache.py", _ROTATIONS),
    ),
    Incident(
        id="S08",
        seen="Consul GH-11693, GH-12820",
        broke="A plain read of a leaf got a stale one, or was held up.",
        owners=(Owner.AGENT,),
        because="These are answers from the agent's memory.",
        covered=(_LEAVES, "tests/unit/agent/test_leaves.py"),
    ),
    Incident(
        id="S09",
        seen="Consul GH-7597, GH-4736",
        broke="Requests with other names or another token shared one cached leaf.",
        owners=(Owner.AGENT,),
        because="The cache and its partitions are the agent's.",
        covered=(_LEAVES, "tests/unit/agent/test_leaves.py"),
    ),
    Incident(
        id="S10",
        seen="Consul GH-11672, GH-11671, GH-9428, GH-6513, GH-7012",
        broke="The key id that was reported was not the signer's, or an intermediate was missing "
        "from what was published.",
        owners=(Owner.PROVIDER,),
        because="Key ids and chains come from the provider's certificates.",
    ),
    Incident(
        id="S11",
        seen="Consul GH-12607, GH-19285",
        broke="A failing renewal asked the backend in a tight loop; a failed start left threads "
        "behind.",
        owners=(Owner.PROVIDER, Owner.LIFECYCLE),
        because="What a failed call leaves behind is the provider's; how often it is called is the "
        "core's.",
        covered=("tests/unit/authority/test_bringup.py", _STARTS, _ROTATIONS),
    ),
    Incident(
        id="S12",
        seen="Consul GH-19095",
        broke="A configured namespace was left out of some calls.",
        owners=(Owner.VAULT,),
        because="Namespaces are Vault's.",
        covered=(_PLACES,),
    ),
    Incident(
        id="S13",
        seen="Consul GH-15525",
        broke="A mount that existed and was empty kept the server from starting.",
        owners=(Owner.VAULT,),
        because="Mounts are Vault's.",
        covered=(_PLACES,),
    ),
    Incident(
        id="S14",
        seen="Consul GH-15035, and a regression of 1.11.9, 1.12.5 and 1.13.2",
        broke="An upgrade needed a permission that the documented policy did not give.",
        owners=(Owner.VAULT,),
        because="The policy is for Vault.",
        covered=(_PLACES,),
    ),
    Incident(
        id="S15",
        seen="Consul GH-10630",
        broke="After a failed start the CA stayed in its initial state and could not be replaced.",
        owners=(Owner.LIFECYCLE,),
        because="A provider that does not open leaves the core's slot open; the core tries again, "
        "and another configuration may take its place.",
        covered=(
            "tests/unit/authority/test_bringup.py",
            "tests/unit/lifecycle/incidents/test_s15.py",
        ),
    ),
    Incident(
        id="S16",
        seen="Consul GH-8576, GH-8681, GH-9443, GH-10070",
        broke="An expired root could not be left; a second rotation between key types failed.",
        owners=(Owner.PROVIDER, Owner.LIFECYCLE),
        because="Cross-signing between any two kinds of keys is the provider's; the way out of a "
        "root that has ended is the core's.",
        covered=(_SIGNING, "tests/unit/lifecycle/incidents/test_s16.py"),
    ),
    Incident(
        id="S17",
        seen="Consul GH-9498",
        broke="Cleaning up the old CA deleted what the new one was using.",
        owners=(Owner.PROVIDER,),
        because="Retirement is carried out by the provider.",
        covered=(_SIGNING,),
    ),
    Incident(
        id="S18",
        seen="Consul GH-10330, GH-10331",
        broke="Another key type was configured, and the old key stayed in use without a word.",
        owners=(Owner.PROVIDER,),
        because="A known id with another key must be refused where the key is.",
    ),
    Incident(
        id="S19",
        seen="Consul GH-6491; SPIRE #3971, #3997, #4352",
        broke="An intermediate lacked its URI; elsewhere, sound CAs were refused by too strict a "
        "check.",
        owners=(Owner.PROVIDER,),
        because="The names in a signer's certificate are written by the provider.",
    ),
    Incident(
        id="S20",
        seen="Consul GH-15320",
        broke="A DNS name with a port was taken by one provider and refused by another.",
        owners=(Owner.SERVER,),
        because="The core refuses such a name before any provider sees it, so that all are alike.",
        covered=("tests/unit/identity/test_csr_names.py",),
    ),
    Incident(
        id="S21",
        seen="Consul GH-6638",
        broke="A CA with one kind of key failed to sign a leaf with another.",
        owners=(Owner.PROVIDER,),
        because="Every kind of CA key signs every kind of leaf key.",
    ),
    Incident(
        id="S22",
        seen="Consul GH-7011, GH-4463",
        broke="Serial numbers and indexes came from the wrong counter.",
        owners=(Owner.PROVIDER,),
        because="Serial numbers are the provider's.",
    ),
    Incident(
        id="S23",
        seen="Consul GH-14579",
        broke="A leaf could carry several URIs.",
        owners=(Owner.PROVIDER,),
        because="The provider writes the leaf's names.",
    ),
    Incident(
        id="S24",
        seen="CVE-2020-28053",
        broke="An endpoint for reading the configuration returned the CA's private key.",
        owners=(Owner.PROVIDER, Owner.SERVER),
        because="What a provider puts into state, answers, logs and errors may be shown.",
        covered=("tests/integration/api/test_secrets.py",),
    ),
    Incident(
        id="S25",
        seen="CVE-2021-36213",
        broke="A deny rule with request conditions let the connection through.",
        owners=(Owner.AUTHORIZER,),
        because="Who may connect to whom is no business of a provider; a denial with conditions is "
        "a denial, whatever the default.",
        covered=(_AUTHORIZE, _DECIDING),
    ),
    Incident(
        id="S26",
        seen="SPIRE #2445, #1965, #2110",
        broke="Renewal of a Vault token gave up, or did not know tokens that cannot be renewed.",
        owners=(Owner.VAULT,),
        because="The token is Vault's.",
        covered=(_TOKENS,),
    ),
    Incident(
        id="S27",
        seen="SPIRE #6964",
        broke="The journal of CAs was lost when the database failed for a moment.",
        owners=(Owner.STORE, Owner.PROVIDER),
        because="What fixes an id is stored before it is used; a write that fails or whose answer "
        "is lost may not give a second authority.",
    ),
    Incident(
        id="S28",
        seen="SPIRE #6590, #6773",
        broke="A stop during work ended in a crash.",
        owners=(Owner.PROVIDER,),
        because="`close` may come while calls run.",
    ),
    Incident(
        id="S29",
        seen="SPIRE #5771",
        broke="Half a million events made a start take half an hour.",
        owners=(Owner.SERVER,),
        because="The store keeps rows, not a log of events to replay; a provider reads by id.",
        covered=("tests/unit/state/test_engines.py",),
    ),
    Incident(
        id="S30",
        seen="cert-manager #1430",
        broke="Each signature logged in anew, and leases grew without bound.",
        owners=(Owner.VAULT,),
        because="Logins are Vault's.",
        covered=(_TOKENS,),
    ),
    Incident(
        id="S31",
        seen="cert-manager #7741, #1038",
        broke="Below an expired CA, or with a life beyond the CA's, a certificate was issued again "
        "and again.",
        owners=(Owner.PROVIDER, Owner.AGENT),
        because="A leaf may not outlive its signer, whoever asks.",
        covered=(_SIGNING, _LEAVES),
    ),
    Incident(
        id="S32",
        seen="cert-manager #3152",
        broke="Nothing had changed, and certificates were made anew all the time.",
        owners=(Owner.PROVIDER,),
        because="The same id gives the same certificate for ever.",
    ),
    Incident(
        id="S33",
        seen="step-ca #1376",
        broke="The life asked for was ignored.",
        owners=(Owner.PROVIDER,),
        because="The life of a leaf is in the provider's hands.",
        covered=(_SIGNING,),
    ),
    Incident(
        id="S34",
        seen="step-ca's Vault CAS, by reading",
        broke="The backend's token is fetched once and never renewed.",
        owners=(Owner.VAULT,),
        because="The token is Vault's.",
        covered=(_TOKENS,),
    ),
    Incident(
        id="S35",
        seen="acme2certifier's Vault handler, by reading",
        broke="A configured CA bundle was left out of some requests; the life was ignored; a date "
        "was computed when the module was imported.",
        owners=(Owner.PROVIDER, Owner.VAULT),
        because="The provider asks the clock and reads the request each time; TLS settings are "
        "Vault's.",
        covered=(_TLS,),
    ),
    Incident(
        id="S36",
        seen="CVE-2024-10005",
        broke="A path that was written in another way, with escapes or more slashes, passed by a "
        "permission that denied it.",
        owners=(Owner.AUTHORIZER,),
        because="Paths are compared in one form; what can be read in two ways is denied.",
        covered=(
            _DECIDING,
            "tests/unit/intentions/test_paths.py",
            "tests/fuzz/test_targets.py",
        ),
    ),
    Incident(
        id="S37",
        seen="CVE-2024-10006",
        broke="A header that was sent twice, or with two values in one, passed by a permission "
        "that denied it.",
        owners=(Owner.AUTHORIZER,),
        because="Every reading of a header counts: one that denies is enough, all must allow.",
        covered=("tests/unit/intentions/test_matching.py",),
    ),
    Incident(
        id="S38",
        seen="Consul GH-17075, by reading",
        broke="The right was checked where a leaf is signed, so that a leaf and its key that were "
        "cached went to callers without it.",
        owners=(Owner.AGENT,),
        because="The agent asks for the right on every request, before its cache; when a token "
        "goes, it hears of it.",
        covered=(
            _LEAVES,
            "tests/unit/api/test_acl_matrix.py",
            "tests/unit/api/test_warm_cache.py",
        ),
    ),
)
"""S01 to S38; the numbers are never used again for anything else."""
