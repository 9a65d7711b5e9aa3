"""A minute of handshakes while the CA moves to OpenBao and back; never shipped."""
