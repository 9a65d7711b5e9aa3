"""Who the server must be and who we are: one TLS context, made anew when its files change."""

import contextlib
import ssl
import threading
from pathlib import Path

from ca_core.contract import ConfigError
from ca_provider_vault.config import WHERE, VaultConfig

Stamp = tuple[tuple[int, int, int], ...]


class TlsSettings:
    """The TLS context of new connections. Thread-safe.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """

    def __init__(self, config: VaultConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._seen = _stamp(config)
        self._context = tls_context(config)

    def context(self) -> ssl.SSLContext:
        """Return the context of the files as they are now.

        A file in the middle of its replacement does no harm: the last good context stays, and the
        next connection looks again.
        """
        with self._lock:
            seen = _stamp(self._config)
            if seen != self._seen:
                with contextlib.suppress(ConfigError):
                    self._context, self._seen = tls_context(self._config), seen
            return self._context


def _stamp(config: VaultConfig) -> Stamp:
    paths = (config.ca_file, config.ca_path, config.cert_file, config.key_file)
    return tuple(_state(Path(path)) for path in paths if path)


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def tls_context(config: VaultConfig) -> ssl.SSLContext:
    """Return how the server is verified and who we are.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    if config.unsafe_tls_skip_verify:
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - the key says unsafe
    else:
        context = _verifying(config)
    if config.cert_file:
        try:
            context.load_cert_chain(config.cert_file, config.key_file, _no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise _unusable("cert_file", config.cert_file, error) from error
    return context


def _no_password() -> str:
    """Refuse an encrypted key: OpenSSL would ask the terminal, and wait for ever."""
    raise ValueError("the key is encrypted")


def _verifying(config: VaultConfig) -> ssl.SSLContext:
    for key, path in (("ca_file", config.ca_file), ("ca_path", config.ca_path)):
        if path and not Path(path).exists():
            raise ConfigError(f"{path} does not exist", where=f"{WHERE}.{key}")
    try:
        return ssl.create_default_context(
            cafile=config.ca_file or None, capath=config.ca_path or None
        )
    except (OSError, ssl.SSLError) as error:
        raise _unusable("ca_file", config.ca_file, error) from error


def _unusable(key: str, path: str, error: Exception) -> ConfigError:
    return ConfigError(f"{path} cannot be used ({type(error).__name__})", where=f"{WHERE}.{key}")
