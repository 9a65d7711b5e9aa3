"""Chains in the eyes of pyca's verifier, which refuses Ed25519."""

import pytest
from cryptography import x509
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from ca_core.identity.keys import KeySpec, KeyType
from tests.integration.svid import (
    CA_KEYS,
    LEAF_KEYS,
    NOW,
    WEB,
    authority,
    key_of,
    leaf_under,
)

ED25519 = KeySpec(KeyType.ED25519)


def one_uri(_policy: Policy, _leaf: x509.Certificate, names: x509.SubjectAlternativeName) -> None:
    """Accept exactly the one URI."""
    if names.get_values_for_type(x509.UniformResourceIdentifier) != [str(WEB)]:
        raise ValueError("not the identity that was expected")


def pyca_policy() -> tuple[ExtensionPolicy, ExtensionPolicy]:
    """Return a policy for SVIDs: pyca's own for CAs, an explicit one for the leaf."""
    leaf = (
        ExtensionPolicy.webpki_defaults_ee()
        .require_present(x509.SubjectAlternativeName, Criticality.CRITICAL, one_uri)
        .require_present(x509.BasicConstraints, Criticality.CRITICAL, None)
        .require_present(x509.KeyUsage, Criticality.CRITICAL, None)
        .require_present(x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None)
    )
    return leaf, ExtensionPolicy.webpki_defaults_ca()


PYCA_KEYS = [spec for spec in CA_KEYS if spec.type is not KeyType.ED25519]


@pytest.mark.parametrize("explicit", [False, True], ids=["default policy", "explicit policy"])
@pytest.mark.parametrize("ca_key", PYCA_KEYS, ids=str)
def test_pycas_verifier_accepts_what_is_not_ed25519(ca_key, explicit):
    """The default policy already does, and one that asks for our profile does too."""
    made = authority(ca_key)
    leaf = leaf_under(made, key_of(LEAF_KEYS[0], 9))
    builder = PolicyBuilder().store(Store([made.anchor.certificate])).time(NOW)
    if explicit:
        ends, cas = pyca_policy()
        builder = builder.extension_policies(ee_policy=ends, ca_policy=cas)
    verified = builder.build_client_verifier().verify(leaf, list(made.between))
    assert [name.value for name in verified.subjects or ()] == [str(WEB)]
    assert len(verified.chain) == 3


def test_pycas_verifier_still_refuses_ed25519():
    """The day it does not, the exception above goes."""
    made = authority(ED25519)
    leaf = leaf_under(made, key_of(LEAF_KEYS[0], 9))
    verifier = PolicyBuilder().store(Store([made.anchor.certificate])).time(NOW)
    with pytest.raises(VerificationError, match=r"[Ff]orbidden"):
        verifier.build_client_verifier().verify(leaf, list(made.between))
