"""Tests of a port in use: who has it, and what to type instead."""

import os
import socket

import pytest

from ca_core.cli.ports import Holder, free_alternative, holder_of, is_free, refuse_taken
from ca_core.config import TcpListen, UnixListen
from ca_core.errors import ConfigError


@pytest.fixture
def taken():
    """Return a loopback address that this process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield TcpListen("127.0.0.1", listener.getsockname()[1])


def test_the_holder_is_found_by_its_port(taken):
    """The kernel's tables lead from the port to the process."""
    holder = holder_of(taken.port)
    assert holder is not None
    assert holder.pid == os.getpid()


def test_a_taken_port_names_holder_and_next_step(taken):
    """The error holds the process, and the hint holds what to type."""
    with pytest.raises(ConfigError, match=f"process {os.getpid()}") as caught:
        refuse_taken(taken)
    assert caught.value.hint.startswith("--listen 127.0.0.1:")
    assert f"kill {os.getpid()}" in caught.value.hint


def test_the_alternative_is_free(taken):
    """What is suggested can be typed."""
    other = free_alternative(taken)
    assert other is None or is_free(other)


def test_a_free_port_and_a_socket_pass(tmp_path):
    """Only a taken TCP port is refused; port 0 is always free."""
    refuse_taken(TcpListen("127.0.0.1", 0))
    refuse_taken(UnixListen(tmp_path / "a.sock"))


def test_an_address_of_another_machine_is_told():
    """An address that this machine does not have is a wrong address, not a taken one."""
    with pytest.raises(ConfigError, match="cannot listen on 192"):
        refuse_taken(TcpListen("192.0.2.1", 8500))


def test_a_holder_of_another_user_stays_unnamed(tmp_path):
    """Where the kernel shows no process, none is invented."""
    (tmp_path / "net").mkdir()
    line = "0: 0100007F:2134 00000000:0000 0A 0:0 0:0 0 1000 0 4242 1\n"
    (tmp_path / "net" / "tcp").write_text("header\n" + line)
    assert holder_of(0x2134, proc=tmp_path) is None


def test_only_a_listening_socket_counts(tmp_path):
    """A connection from that port is not a listener on it."""
    (tmp_path / "net").mkdir()
    line = "0: 0100007F:2134 00000000:0000 {} 0:0 0:0 0 1000 0 4242 1\n"
    descriptors = tmp_path / "77" / "fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").symlink_to("socket:[4242]")
    (tmp_path / "77" / "comm").write_text("nginx\n")
    (tmp_path / "net" / "tcp").write_text("header\n" + line.format("01"))
    assert holder_of(0x2134, proc=tmp_path) is None
    (tmp_path / "net" / "tcp6").write_text("header\n" + line.format("0A"))
    assert holder_of(0x2134, proc=tmp_path) == Holder(77, "nginx")
