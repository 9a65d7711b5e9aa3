"""What a decision says in words."""

from ca_core.intentions.decision import Decision, Misshown, Why


def test_a_denial_for_a_certificate_says_what_is_wrong_with_it():
    """Metrics count the one class; people read which of its kinds it is."""
    revoked = Misshown.by("it was revoked")
    assert (revoked.allowed, revoked.why) == (False, Why.CERTIFICATE)
    assert revoked.reason == "The certificate is not valid here: it was revoked"
    assert revoked == Misshown.by("it was revoked")
    assert revoked != Misshown.by("it has expired")
    assert revoked != Decision(allowed=False, why=Why.CERTIFICATE)
    assert hash(revoked) == hash(Misshown.by("it was revoked"))
