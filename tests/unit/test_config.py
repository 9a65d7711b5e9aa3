"""Tests of reading the configuration: precedence, refusals, rules between keys."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.config import (
    Config,
    TcpListen,
    UnixListen,
    find_config_file,
    load_config,
    parse_listen,
    workload_uids,
)
from ca_core.durations import format_duration
from ca_core.errors import ConfigError

SECTIONS = ("server", "agent", "ca", "plugins", "log")


def written(folder: Path, text: str) -> Path:
    """Return a configuration file with ``text``."""
    file = folder / "ca-core.toml"
    file.write_text(text)
    return file


@contextmanager
def as_somebody() -> Iterator[None]:
    """Give up root's right to enter every folder; nothing changes for any other user."""
    before = os.geteuid()
    os.seteuid(before or 65534)
    try:
        yield
    finally:
        os.seteuid(before)


def outcome(environ: dict[str, str]) -> str:
    """Return why an environment is refused, empty if it is not."""
    try:
        load_config(None, environ=environ)
    except ConfigError as error:
        return str(error)
    return ""


def refusal(folder: Path, text: str) -> ConfigError:
    """Return the error with which ``text`` is refused."""
    with pytest.raises(ConfigError) as caught:
        load_config(written(folder, text), environ={})
    return caught.value


class TestPrecedence:
    @given(
        layers=st.fixed_dictionaries(
            {},
            optional={
                name: st.text("abcdefgh-", min_size=1, max_size=8)
                for name in ("flag", "environment", "file")
            },
        )
    )
    def test_flag_beats_environment_beats_file_beats_default(self, layers, tmp_path_factory):
        """The strongest layer that says something decides, and says who it is."""
        folder = tmp_path_factory.mktemp("precedence")
        file = written(folder, f'datacenter = "{layers["file"]}"' if "file" in layers else "")
        names = {"environment": "CA_CORE_DATACENTER"}
        environ = {names[name]: layers[name] for name in names if name in layers}
        config = load_config(file, environ=environ, flags={"datacenter": layers.get("flag")})
        strongest = (layers.get(name) for name in ("flag", "environment", "file"))
        assert config.datacenter == next((value for value in strongest if value), "dc1")

    @given(
        key=st.sampled_from(["leaf_ttl", "intermediate_ttl", "root_ttl"]),
        hours=st.integers(min_value=72, max_value=216),
    )
    def test_one_key_from_the_environment_leaves_its_neighbours_alone(self, key, hours):
        """A variable sets one key; the rest of its section stays what the file says."""
        raw = {"leaf_ttl": 72, "intermediate_ttl": 700, "root_ttl": 9000}
        if key == "intermediate_ttl":
            hours *= 3
        if key == "root_ttl":
            hours *= 10
        flags = {f"ca.{name}": f"{value}h" for name, value in raw.items() if name != key}
        config = load_config(None, environ={f"CA_CORE_CA__{key.upper()}": f"{hours}h"}, flags=flags)
        expected = {**raw, key: hours}
        assert {name: getattr(config.ca, name) for name in raw} == {
            name: timedelta(hours=value) for name, value in expected.items()
        }

    def test_a_minimal_file_is_enough(self, tmp_path):
        """Two keys make a configuration; everything else has a default."""
        config = load_config(written(tmp_path, '[server]\ndata_dir = "./data"\n'), environ={})
        assert config.server.data_dir == Path("data")
        assert (config.ca.provider, config.ca.leaf_ttl) == ("builtin", timedelta(hours=72))

    def test_no_file_gives_the_defaults(self):
        """Without any layer, every key has its default, and they pass their own rules."""
        assert load_config(None, environ={}).ca == Config().ca


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "text", "expected"),
        [
            ("CA_CORE_SERVER__DATA_DIR", "/d", Path("/d")),
            ("CA_CORE_SERVER__LISTEN", "a:1,unix:/b", ("a:1", "unix:/b")),
            ("CA_CORE_SERVER__LISTEN", '["a:1"]', ("a:1",)),
            ("CA_CORE_SERVER__TRUST_DOMAIN", "example.org", "example.org"),
            ("CA_CORE_AGENT__WORKLOADS", '{"web": [1000, "app"]}', {"web": (1000, "app")}),
            ("CA_CORE_AGENT__WORKLOADS__WEB", "1000,app", {"web": (1000, "app")}),
            ("CA_CORE_AGENT__SERVER", "https://a:1", ("https://a:1",)),
            ("CA_CORE_CA__STRICT_KEY_USAGE", "true", True),
            ("CA_CORE_CA__CSR_MAX_PER_SECOND", "2.5", 2.5),
            ("CA_CORE_CA__KEY_BITS", "384", 384),
        ],
    )
    def test_every_type_of_key_can_be_a_variable(self, variable, text, expected):
        """Text becomes what TOML would have given."""
        section, name = variable.removeprefix("CA_CORE_").lower().split("__")[:2]
        config = load_config(None, environ={variable: text})
        assert getattr(getattr(config, section), name) == expected

    def test_every_key_can_be_a_variable(self):
        """No field of any section is refused as unknown when it is named in the environment."""
        keys = [
            (section, field.name)
            for section in SECTIONS
            for field in msgspec.structs.fields(type(getattr(Config(), section)))
        ]
        for section, name in keys:
            variable = f"CA_CORE_{section}__{name}".upper()
            assert "unknown" not in outcome({variable: "x"}), variable

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("http://x:1", "http://x:1"),
            ("30", 30),
            ("true", True),
            ('"30"', "30"),
            ("null", "null"),
            ('{"type": "approle"}', {"type": "approle"}),
        ],
    )
    def test_the_providers_keys_are_text_unless_they_are_json(self, text, value):
        """A provider's key has no type that we know: JSON is read, the rest is text."""
        config = load_config(None, environ={"CA_CORE_CA__CONFIG__KEY": text})
        assert config.ca.config == {"key": value}

    def test_the_providers_nested_tables_are_reachable(self):
        """Two underscores go one table down, as deep as the provider likes."""
        config = load_config(None, environ={"CA_CORE_CA__CONFIG__AUTH__TYPE": "approle"})
        assert config.ca.config == {"auth": {"type": "approle"}}

    @pytest.mark.parametrize(
        ("variable", "hint"),
        [
            ("CA_CORE_SERVER__DATADIR", "data_dir"),
            ("CA_CORE_SERVR__DATA_DIR", "server"),
            ("CA_CORE_DATACENTRE", "CA_CORE_DATACENTER"),
            ("CA_CORE_HTTP_ADR", "did you mean"),
        ],
    )
    def test_an_unknown_variable_is_refused_with_the_nearest_known(self, variable, hint):
        """A misspelt variable never passes silently."""
        with pytest.raises(ConfigError, match=hint) as caught:
            load_config(None, environ={variable: "x"})
        assert caught.value.where == variable

    @pytest.mark.parametrize(
        "variable", ["CA_CORE_HTTP_ADDR", "CA_CORE_HTTP_TOKEN", "CA_CORE_KEK", "CA_CORE_SOMETHING"]
    )
    def test_variables_that_are_no_keys_are_left_alone(self, variable):
        """Other programs and other parts of this one may use the prefix."""
        assert load_config(None, environ={variable: "x"}) == load_config(None, environ={})

    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("CA_CORE_CA__KEY_BITS", "many"),
            ("CA_CORE_CA__STRICT_KEY_USAGE", "perhaps"),
            ("CA_CORE_CA__LEAF_TTL", "72"),
            ("CA_CORE_AGENT__WORKLOADS", "web=1"),
            ("CA_CORE_AGENT__WORKLOADS", "[1]"),
            ("CA_CORE_SERVER__LISTEN", "[1"),
            ("CA_CORE_CA", '{"provider": "x"}'),
            ("CA_CORE_CA__KEY_TYPE", "dsa"),
        ],
    )
    def test_text_of_the_wrong_type_names_the_variable(self, variable, text):
        """Whoever set the variable can find it."""
        with pytest.raises(ConfigError) as caught:
            load_config(None, environ={variable: text})
        assert caught.value.where.startswith(variable)

    def test_a_refusal_never_shows_the_value(self):
        """A secret in a variable stays out of the message."""
        with pytest.raises(ConfigError) as caught:
            load_config(None, environ={"CA_CORE_CA__CONFIG": "{hunter2"})
        assert "hunter2" not in str(caught.value)


class TestFile:
    @pytest.mark.parametrize(
        ("text", "where", "message"),
        [
            ("[server]\ndatadir = 'x'", "server.datadir", "did you mean 'data_dir'"),
            ("[servr]\n", "servr", "did you mean 'server'"),
            ("[ca]\nzzz = 1", "ca.zzz", "known: "),
            ("[ca]\nleaf_ttl = 72", "ca.leaf_ttl", "duration"),
            ("[ca]\nleaf_ttl = '72'", "ca.leaf_ttl", "not a duration"),
            ("[ca]\nleaf_ttl = '-1h'", "ca.leaf_ttl", "not a duration"),
            ("[ca]\nleaf_ttl = '1e9h'", "ca.leaf_ttl", "not a duration"),
            ("[ca]\nkey_bits = 'many'", "ca.key_bits", "Expected `int`"),
            ("[agent]\nworkloads = 3", "agent.workloads", "Expected `object`"),
            ("server = 3", "server", "Expected `object`"),
            ("[log]\nlevel = 'loud'", "log.level", "none of: debug, info, warning, error"),
            ("[ca]\nkey_bits = 1024\nkey_type = 'rsa'", "ca.key_bits", "2048/3072/4096"),
            ("datacenter = 'a/b'", "datacenter", "not a datacenter"),
            ("[agent]\ncache_bytes = 1000", "agent.cache_bytes", "less than 1048576"),
            ("[agent]\nnode = 'a b'", "agent.node", "not a node"),
            ("[server]\ntrust_domain = 'UPPER'", "server.trust_domain", "not a trust domain"),
            ("[agent.workloads]\n'a/b' = [1]", "agent.workloads.a/b", "not a service"),
            ("[agent.workloads]\nweb = [-1]", "agent.workloads.web", "0 or more"),
            ("[agent]\nlisten = ['0.0.0.0:8500']", "agent.listen", "other machines"),
            ("[server]\nlisten = ['8501']", "server.listen", "no port"),
            ("[agent]\nserver = ['http://a:1']", "agent.server", "write https://HOST:8501"),
            ("[agent]\nserver = 'https://[::1'", "agent.server", "write https://HOST:8501"),
            ("[agent]\nserver = 'https://a:99999'", "agent.server", "write https://HOST:8501"),
            ("[agent]\nserver = 'https://a:1/v1'", "agent.server", "write https://HOST:8501"),
            ("[ca]\ncsr_max_per_second = -1", "ca.csr_max_per_second", "or more"),
            ("[ca]\ncsr_max_per_second = nan", "ca.csr_max_per_second", "or more"),
            ("[ca]\ncsr_max_per_second = 1e-300", "ca.csr_max_per_second", "or more"),
            ("[server]\nkek_file = 'a'\nkek_command = ['b']", "server.kek_command", "exclude"),
        ],
    )
    def test_a_wrong_key_is_named_with_its_file(self, tmp_path, text, where, message):
        """The operator learns file, key and reason from one line."""
        error = refusal(tmp_path, text)
        assert error.where == f"{tmp_path}/ca-core.toml: {where}"
        assert message in str(error)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[agent]\ncache_bytes = 'lots'", ("cache_bytes = 67108864", "in bytes")),
            ("[ca]\nkey_bits = 'many'", ("key_bits = 256", "rsa 2048/3072/4096")),
            ("[agent]\nlisten = 8500", ('listen = ["127.0.0.1:8500"]', "a loopback HOST:PORT")),
            ("[agent]\npersist = 'yes'", ("persist = false",)),
            ("[agent]\nserver = 3", ("https://ca1:8501",)),
            ("[agent]\nworkloads = {web = [1.5]}", ("uids or user names",)),
        ],
    )
    def test_another_type_is_refused_with_an_example_and_what_the_key_is_for(
        self, tmp_path, text, words
    ):
        """Which unit a number has, and how a list is written, is not looked up elsewhere."""
        hint = refusal(tmp_path, text).hint
        assert all(word in hint for word in words)

    def test_a_variable_of_another_type_is_refused_with_an_example_too(self):
        """It is the same key."""
        with pytest.raises(ConfigError, match="must be a whole number") as caught:
            load_config(None, environ={"CA_CORE_AGENT__CACHE_BYTES": "lots"})
        assert "cache_bytes = 67108864. Memory, in bytes" in caught.value.hint

    def test_a_section_that_is_none_has_no_example(self, tmp_path):
        """Nothing is said of what has no description."""
        assert refusal(tmp_path, "server = 3").hint == ""

    def test_wrong_toml_names_the_line(self, tmp_path):
        """A syntax error says where it is."""
        error = refusal(tmp_path, "datacenter = 'a'\n[server\n")
        assert "line 2" in str(error)
        assert error.where == f"{tmp_path}/ca-core.toml"

    @pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5000])
    def test_what_the_parser_gives_up_on_is_no_toml(self, tmp_path, value):
        """Nesting and numbers without measure are refused like any other mistake."""
        assert "not valid TOML" in str(refusal(tmp_path, f"[ca.config]\na = {value}"))

    def test_bytes_that_are_no_text_are_refused(self, tmp_path):
        """A binary file is named as such, without a traceback."""
        file = tmp_path / "ca-core.toml"
        file.write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigError, match="not UTF-8"):
            load_config(file, environ={})

    def test_a_huge_file_is_refused(self, tmp_path):
        """Reading stops at a megabyte."""
        error = refusal(tmp_path, "#" * (1024 * 1024 + 1))
        assert "larger than" in str(error)

    def test_a_missing_file_says_how_to_name_another(self, tmp_path):
        """The file that was asked for must exist."""
        with pytest.raises(ConfigError, match="no such file") as caught:
            load_config(tmp_path / "absent.toml", environ={})
        assert "--config" in caught.value.hint

    def test_a_folder_is_no_file(self, tmp_path):
        """Any reading error names the path."""
        with pytest.raises(ConfigError, match="is a directory") as caught:
            load_config(tmp_path, environ={})
        assert caught.value.where == str(tmp_path)

    def test_a_folder_that_may_not_be_entered_hides_no_file(self, tmp_path, monkeypatch):
        """Whoever may not look is told so, and does not start with the defaults."""
        closed = tmp_path / "closed"
        closed.mkdir(mode=0)
        monkeypatch.setattr("ca_core.config.load.SEARCH_PATH", (closed / "ca-core.toml",))
        with as_somebody():
            found = find_config_file()
            with pytest.raises(ConfigError, match="permission denied"):
                load_config(found, environ={})

    def test_a_path_through_a_file_leads_nowhere(self, tmp_path, monkeypatch):
        """A file where a folder should be is no configuration."""
        (tmp_path / "file").write_text("")
        monkeypatch.setattr("ca_core.config.load.SEARCH_PATH", (tmp_path / "file" / "a.toml",))
        assert find_config_file() is None

    def test_the_nearest_file_is_found(self, tmp_path, monkeypatch):
        """A file in the working folder is used when none is named."""
        monkeypatch.chdir(tmp_path)
        written(tmp_path, "")
        assert find_config_file() == Path("ca-core.toml")
        assert find_config_file(Path("other")) == Path("other")


class TestLives:
    @pytest.mark.parametrize(
        ("keys", "where", "fix"),
        [
            ("leaf_ttl = '59m'", "leaf_ttl", "1h or more"),
            ("leaf_ttl = '8761h'", "leaf_ttl", "8760h or less"),
            ("intermediate_ttl = '215h'", "intermediate_ttl", "216h or more"),
            ("root_ttl = '8759h'", "root_ttl", "8760h or more"),
            ("leaf_ttl = '0s'\nunsafe_short_ttls = true", "leaf_ttl", "1s or more"),
        ],
    )
    def test_a_broken_rule_says_the_fix(self, tmp_path, keys, where, fix):
        """Each rule between lives names the key to change and the value that would do."""
        error = refusal(tmp_path, f"[ca]\n{keys}\n")
        assert error.where.endswith(f"ca.{where}")
        assert fix in error.hint

    @given(
        leaf=st.integers(min_value=1, max_value=2920),
        spare=st.tuples(st.integers(min_value=0, max_value=100), st.integers(0, 100)),
    )
    def test_the_edges_of_every_rule_are_allowed(self, leaf, spare):
        """A signer of three leaf lives and a root of one signer's life are just enough."""
        signer = 3 * leaf + spare[0]
        flags = {
            "ca.leaf_ttl": f"{leaf}h",
            "ca.intermediate_ttl": f"{signer}h",
            "ca.root_ttl": f"{signer + spare[1]}h",
        }
        assert load_config(None, environ={}, flags=flags).ca.leaf_ttl == timedelta(hours=leaf)

    @given(leaf=st.integers(min_value=1, max_value=8760), missing=st.integers(1, 3))
    def test_a_signer_below_three_leaf_lives_is_refused(self, leaf, missing):
        """Whatever the leaf life, a signer that is an hour short is refused."""
        flags = {"ca.leaf_ttl": f"{leaf}h", "ca.intermediate_ttl": f"{3 * leaf - missing}h"}
        with pytest.raises(ConfigError, match="outlive its leaves") as caught:
            load_config(None, environ={}, flags=flags)
        assert format_duration(timedelta(hours=3 * leaf)) in caught.value.hint

    def test_short_lives_need_the_unsafe_switch(self):
        """A test may have leaves of seconds, if it says so."""
        flags = {"ca.leaf_ttl": "5s", "ca.unsafe_short_ttls": True}
        assert load_config(None, environ={}, flags=flags).ca.leaf_ttl == timedelta(seconds=5)

    def test_a_key_type_alone_brings_its_smallest_size(self):
        """Asking for RSA does not ask for 256 bits."""
        assert load_config(None, environ={}, flags={"ca.key_type": "rsa"}).ca.key_bits == 2048


class TestListen:
    @given(
        host=st.sampled_from(["127.0.0.1", "::1", "localhost", "ca.example.org"]),
        port=st.integers(0, 65535),
    )
    def test_what_is_printed_parses_to_the_same(self, host, port):
        """Printing and parsing are inverse, IPv6 brackets included."""
        assert parse_listen(str(TcpListen(host, port))) == TcpListen(host, port)

    def test_an_empty_host_is_every_interface(self):
        """``:8501`` means what it means in Go and Consul."""
        assert parse_listen(":8501") == TcpListen("0.0.0.0", 8501)

    @pytest.mark.parametrize("text", ["unix:/run/a.sock", "unix:///run/a.sock"])
    def test_a_unix_path_is_a_socket(self, text):
        """Both spellings of a socket path mean the same socket."""
        assert parse_listen(text) == UnixListen(Path("/run/a.sock"))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "8500",
            "host:",
            "host:x",
            "host:65536",
            "host:-1",
            "::1:8500",
            "unix:",
            "unix:/" + "a" * 107,
            "h:" + "9" * 99,
            "h:\u0663",
        ],
    )
    def test_anything_else_is_refused_by_the_name_of_its_key(self, text):
        """The error names the flag or key that held the text."""
        with pytest.raises(ConfigError) as caught:
            parse_listen(text, where="--listen")
        assert caught.value.where == "--listen"

    @pytest.mark.parametrize(
        ("host", "loopback"),
        [
            ("127.8.8.8", True),
            ("::1", True),
            ("localhost", True),
            ("10.0.0.1", False),
            ("0.0.0.0", False),
            ("localhost.example.org", False),
        ],
    )
    def test_loopback_is_known(self, host, loopback):
        """Plain HTTP is bound to addresses that only this machine reaches."""
        assert TcpListen(host, 1).is_loopback is loopback


class TestWorkloads:
    def test_names_become_uids(self):
        """A user's name and its uid are the same user."""
        config = load_config(
            None, environ={"CA_CORE_AGENT__WORKLOADS": '{"web": [0, "root"], "db": [7]}'}
        )
        assert workload_uids(config.agent) == {"web": frozenset({0}), "db": frozenset({7})}

    def test_an_unknown_user_is_named(self):
        """A user that does not exist can never be given a leaf by accident."""
        config = load_config(None, environ={"CA_CORE_AGENT__WORKLOADS__WEB": "no-such-user"})
        with pytest.raises(ConfigError, match="no-such-user") as caught:
            workload_uids(config.agent)
        assert caught.value.where == "agent.workloads.web"


class TestSecrets:
    def test_the_providers_values_are_in_no_repr(self):
        """A token in the provider's table is not shown by printing the configuration."""
        config = load_config(None, environ={"CA_CORE_CA__CONFIG__TOKEN": "hunter2"})
        assert "hunter2" not in repr(config)
        assert "token" in repr(config)

    def test_headers_of_checks_are_in_no_repr(self):
        """A password in a service's table is not shown by printing the configuration."""
        check = {"http": "http://localhost/", "header": {"authorization": ["hunter2"]}}
        config = load_config(None, environ={}, flags={"services": [{"checks": [check]}]})
        assert "hunter2" not in repr(config)
        assert config.services[0]["checks"] == [check]

    def test_one_or_several_servers_are_one_shape(self):
        """A single URL and a list of one are the same."""
        one = load_config(None, environ={}, flags={"agent.server": "https://a:1"})
        assert one.agent.servers == ("https://a:1",)

    def test_several_servers_are_asked_by_one_agent(self, tmp_path):
        """They are followed in turn, so that a list is a list."""
        file = tmp_path / "ca-core.toml"
        file.write_text('[agent]\nserver = ["https://a:8501", "https://b:8501"]')
        assert load_config(file, environ={}).agent.servers == ("https://a:8501", "https://b:8501")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('enabled = ["audit", "quota", "audit"]', "plugins.enabled"),
        ('review_budget = "0s"', "plugins.review_budget"),
        ('review_budget = "2s"', "plugins.review_budget"),
        ('on_error = "ignore"', "plugins.on_error"),
    ],
)
def test_a_plugin_section_that_makes_no_sense_is_refused(tmp_path, text, where):
    """A name given twice, a budget nobody can keep or wait for, an unknown policy."""
    file = tmp_path / "ca-core.toml"
    file.write_text(f"[plugins]\n{text}\n")
    with pytest.raises(ConfigError, match=where):
        load_config(file, environ={})


def test_a_failing_review_denies_unless_the_operator_says_otherwise(tmp_path):
    """Whoever enables a review and says no more gets the safe side."""
    file = tmp_path / "ca-core.toml"
    file.write_text('[plugins]\nenabled = ["audit"]\n')
    plugins = load_config(file, environ={"CA_CORE_TRACE_PLUGINS": "1"}).plugins
    assert (plugins.enabled, plugins.on_error) == (("audit",), "deny")
