"""Tests of where a client command asks."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.cli.address import DEFAULT_ADDRESS, Address, local_address, parse_address
from ca_core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8500", Address("http://127.0.0.1:8500")),
        ("http://ca:1", Address("http://ca:1")),
        ("https://ca.example.org", Address("https://ca.example.org")),
        ("https://ca:1/ignored?query", Address("https://ca:1")),
        ("[::1]:8500", Address("http://[::1]:8500")),
        ("unix:/run/a.sock", Address("http://localhost", Path("/run/a.sock"))),
        ("unix:///run/a.sock", Address("http://localhost", Path("/run/a.sock"))),
    ],
)
def test_every_spelling_of_consuls_variable_is_understood(text, expected):
    """Whoever has CONSUL_HTTP_ADDR set needs to change nothing."""
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "unix:", "ftp://a", "http://", "a:b", "a:99999", "a:0", "http://[::1", "file:///x"]
)
def test_anything_else_is_refused_by_name(text):
    """The error says which option is wrong and how to write it."""
    with pytest.raises(ConfigError, match="unix:PATH") as caught:
        parse_address(text)
    assert caught.value.where == "--http-addr"


def test_a_password_in_the_address_is_refused_and_not_shown():
    """Credentials belong into the token, and never into a message."""
    with pytest.raises(ConfigError) as caught:
        parse_address("http://user:hunter2@ca:8500")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=40))
def test_no_text_makes_it_stumble(text):
    """Whatever is typed gives an address or an error of ours."""
    try:
        parse_address(text)
    except ConfigError:
        return


def test_the_local_socket_goes_before_the_usual_port(tmp_path):
    """On a host with an agent, workloads reach it over the socket without being told."""
    assert local_address(tmp_path, "agent.sock") == parse_address(DEFAULT_ADDRESS)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "agent.sock"))
        assert local_address(tmp_path, "agent.sock").socket == tmp_path / "agent.sock"


def test_a_socket_behind_a_closed_folder_is_not_exchanged_for_the_port(tmp_path):
    """Who may not reach the server is told so, and does not talk to another cluster's instead."""
    folder = tmp_path / "server"
    folder.mkdir(mode=0)
    us = os.geteuid()
    os.seteuid(us or 65534)
    try:
        address = local_address(folder, "server.sock")
    finally:
        os.seteuid(us)
    assert address.socket == folder / "server.sock"
