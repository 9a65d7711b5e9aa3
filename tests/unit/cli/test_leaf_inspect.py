"""Tests of `leaf inspect`: what is said about a certificate, and what is found wrong."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from ca_core.cli.answers import ANSWERS
from ca_core.cli.leaf_view import as_json, facts, remark_lines, view_of
from ca_core.cli.profile import findings
from ca_core.cli.times import relative, relative_text, span_text
from ca_core.identity.certificates import pem_of
from ca_core.identity.leafcsr import key_pem, new_leaf_key

NOW = datetime.now(UTC)


def usage(**names: bool) -> tuple[x509.KeyUsage, bool]:
    """Return a critical key usage with exactly these."""
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**dict.fromkeys(every, False) | names), True


def purposes(side: str) -> tuple[x509.ExtendedKeyUsage, bool]:
    """Return an extended key usage for one side of a connection."""
    oids = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
    return x509.ExtendedKeyUsage([oids[side]]), False


def san(*, critical: bool) -> tuple[x509.SubjectAlternativeName, bool]:
    """Return the alternative name of web."""
    uri = x509.UniformResourceIdentifier("spiffe://x.consul/ns/default/dc/dc1/svc/web")
    return x509.SubjectAlternativeName([uri]), critical


class TestFindings:
    def test_a_leaf_of_the_profile_has_none(self, make_leaf):
        """What our own CA issues is not criticised."""
        assert findings(make_leaf(), NOW) == ()

    def test_a_ca_certificate_has_none(self, make_ca):
        """A sound root is not measured by the rules for leaves."""
        assert findings(make_ca(), NOW) == ()

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"uris": ()}, "0 URI names"),
            ({"uris": ("spiffe://a/x", "spiffe://b/y")}, "2 URI names"),
            ({"uris": ("https://x",)}, "no ID of ours"),
            ({"shift": timedelta(days=-30)}, "expired"),
            ({"shift": timedelta(days=30)}, "not valid yet"),
            ({"extensions": {"usage": None}}, "digitalSignature is missing"),
            ({"extensions": {"usage": usage(key_agreement=True)}}, "digitalSignature is missing"),
            (
                {"extensions": {"usage": usage(digital_signature=True, key_cert_sign=True)}},
                "a leaf must not",
            ),
            (
                {"extensions": {"usage": (usage(digital_signature=True)[0], False)}},
                "key usage is not critical",
            ),
            ({"extensions": {"purposes": None}}, "serverAuth is missing"),
            ({"extensions": {"purposes": purposes("client")}}, "serverAuth is missing"),
            ({"extensions": {"purposes": purposes("server")}}, "clientAuth is missing"),
            ({"extensions": {"san": san(critical=False)}}, "not critical"),
            ({"key": ec.generate_private_key(ec.SECP224R1())}, "P-256"),
        ],
    )
    def test_what_verifiers_refuse_is_wrong(self, make_leaf, changes, text):
        """Each defect is found, and is called wrong."""
        found = findings(make_leaf(**changes), NOW)
        assert any(text in finding.text and finding.wrong for finding in found)

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"serial": 7}, "counter"),
            ({"subject": x509.Name.from_rfc4514_string("CN=web")}, "subject is not empty"),
            ({"extensions": {"constraints": None}}, "CA:FALSE is missing"),
            (
                {"extensions": {"usage": usage(digital_signature=True, key_encipherment=True)}},
                "more than digitalSignature",
            ),
        ],
    )
    def test_what_is_only_unusual_is_a_note(self, make_leaf, changes, text):
        """A peculiarity is told, but does not make the certificate wrong."""
        (finding,) = findings(make_leaf(**changes), NOW)
        assert text in finding.text
        assert not finding.wrong


class TestView:
    def test_one_screen_holds_what_a_person_asks(self, make_leaf, make_ca):
        """Identity, life, names, key, issuer and chain are all there."""
        names = (x509.DNSName("web.example.org"),)
        shown = dict(facts(view_of((make_leaf(names=names), make_ca()), NOW)))
        assert shown["identity"].endswith("/svc/web")
        assert shown["kind"] == "service"
        assert shown["valid"].startswith("expires in 2 d 23 h, a life of 3 d")
        assert shown["names"] == "DNS web.example.org"
        assert shown["key"] == "ec-256"
        assert "CN=test CA" in shown["issuer"]
        assert shown["chain"].startswith("root, expires in 9 y")

    def test_an_expired_leaf_says_since_when(self, make_leaf):
        """The past is told in the past."""
        shown = dict(facts(view_of((make_leaf(shift=timedelta(days=-4)),), NOW)))
        assert shown["valid"].startswith("expired 1 d")

    def test_a_chain_out_of_order_is_found(self, make_leaf):
        """A certificate that did not sign the one before it is named by its place."""
        lines = remark_lines(view_of((make_leaf(), make_leaf()), NOW))
        assert lines == ["WRONG  certificate 1 is not signed by certificate 2"]

    def test_a_sound_leaf_says_so(self, make_leaf):
        """Silence would be ambiguous."""
        assert remark_lines(view_of((make_leaf(),), NOW))[0].startswith("ok ")

    def test_json_has_the_documented_keys(self, make_leaf):
        """The keys are a promise to programs."""
        assert tuple(as_json(view_of((make_leaf(),), NOW))) == ANSWERS["leaf inspect"].keys


class TestCommand:
    def test_a_file_and_standard_input_are_the_same(self, run, make_leaf, tmp_path):
        """`-` reads what a pipe brings."""
        pem = pem_of(make_leaf()).encode()
        (tmp_path / "leaf.pem").write_bytes(pem)
        shown = run("leaf", "inspect", "leaf.pem", "-o", "json")
        assert shown.exit_code == 0
        assert json.loads(shown.stdout)["Kind"] == "service"
        assert run("leaf", "inspect", "-", text=pem).exit_code == 0

    def test_a_wrong_certificate_ends_with_1(self, run, make_leaf):
        """A script can use the command as a check."""
        pem = pem_of(make_leaf(shift=timedelta(days=-30))).encode()
        result = run("leaf", "inspect", "-", text=pem)
        assert result.exit_code == 1
        assert "WRONG  it has expired" in result.stdout

    @pytest.mark.parametrize(
        "content", [b"", b"hello", b"\x30\x82", b"-----BEGIN CERTIFICATE-----"]
    )
    def test_what_is_no_certificate_is_the_callers_error(self, run, content):
        """Anything else ends with 2 and a sentence."""
        result = run("leaf", "inspect", "-", text=content)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")

    def test_a_private_key_is_refused_without_showing_it(self, run):
        """The wrong file of the pair does no harm."""
        pem = key_pem(new_leaf_key())
        result = run("leaf", "inspect", "-", text=pem.encode())
        assert "private key" in result.stderr
        assert pem.splitlines()[1] not in result.output

    def test_a_missing_file_is_named(self, run):
        """The path is in the message."""
        result = run("leaf", "inspect", "absent.pem")
        assert (result.exit_code, result.stderr) == (
            2,
            "error: absent.pem: no such file or directory\n",
        )


class TestTimes:
    @pytest.mark.parametrize(
        ("span", "text"),
        [
            (timedelta(), "0 s"),
            (timedelta(milliseconds=900), "0 s"),
            (timedelta(seconds=59), "59 s"),
            (timedelta(minutes=61), "1 h 1 min"),
            (timedelta(hours=72), "3 d"),
            (timedelta(days=365), "1 y"),
            (timedelta(days=1, minutes=5), "1 d"),
        ],
    )
    def test_spans_are_said_in_two_units(self, span, text):
        """The two largest units are enough for a person."""
        assert span_text(span) == text

    @given(st.timedeltas(timedelta(days=-9000), timedelta(days=9000)))
    def test_past_and_future_are_told_apart(self, span):
        """The sign of a span decides between `in` and `ago`."""
        text = relative(NOW + span, NOW)
        assert text.startswith("in ") == (span >= timedelta())
        assert text.endswith(" ago") == (span < timedelta())

    def test_text_that_is_no_time_stays(self):
        """An empty time from the API is shown as it came."""
        assert relative_text("", NOW) == ""
