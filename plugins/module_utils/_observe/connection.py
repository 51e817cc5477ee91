# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connect to an engine over tcp, a unix socket or ssh, with or without TLS.

The options, their names and their environment variables are those of community.docker.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._model.compat import dataclass
from .._model.errors import OrcastraError
from .engine import Engine, translate_error
from .errors import MissingLibrary

# Without paramiko, the SDK needs half the time and memory to load. Only ssh:// needs it, so it is hidden here
# (the SDK works without it), and _use_ssh() adds it.
_IS_HIDDEN = "paramiko" not in sys.modules
if _IS_HIDDEN:
    sys.modules["paramiko"] = None  # type: ignore[assignment]
try:
    import docker
    import docker.tls
    import docker.utils
    import requests.adapters
except ImportError:
    DOCKER_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    DOCKER_IMPORT_ERROR = None
finally:
    if _IS_HIDDEN:
        del sys.modules["paramiko"]


DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
DEFAULT_TIMEOUT_SECONDS = 60
PLACEHOLDER_API_VERSION = "1.41"

CONNECTION_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "docker_host": {
        "type": "str",
        "default": DEFAULT_DOCKER_HOST,
        "fallback": (env_fallback, ["DOCKER_HOST"]),
        "aliases": ["docker_url"],
    },
    "tls": {"type": "bool", "default": False, "fallback": (env_fallback, ["DOCKER_TLS"])},
    "validate_certs": {
        "type": "bool",
        "default": False,
        "fallback": (env_fallback, ["DOCKER_TLS_VERIFY"]),
        "aliases": ["tls_verify"],
    },
    "ca_path": {"type": "path", "aliases": ["ca_cert", "tls_ca_cert", "cacert_path"]},
    "client_cert": {"type": "path", "aliases": ["tls_client_cert", "cert_path"]},
    "client_key": {"type": "path", "aliases": ["tls_client_key", "key_path"]},
    "tls_hostname": {"type": "str", "fallback": (env_fallback, ["DOCKER_TLS_HOSTNAME"])},
    "api_version": {
        "type": "str",
        "default": "auto",
        "fallback": (env_fallback, ["DOCKER_API_VERSION"]),
        "aliases": ["docker_api_version"],
    },
    "timeout": {
        "type": "int",
        "default": DEFAULT_TIMEOUT_SECONDS,
        "fallback": (env_fallback, ["DOCKER_TIMEOUT"]),
    },
    "use_ssh_client": {"type": "bool", "default": False},
}


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to connect to an engine. ``timeout`` is in seconds, for each request."""

    docker_host: str = DEFAULT_DOCKER_HOST
    tls: bool = False
    validate_certs: bool = False
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    tls_hostname: str | None = None
    api_version: str = "auto"
    timeout: int = DEFAULT_TIMEOUT_SECONDS
    use_ssh_client: bool = False

    @property
    def uses_tls(self) -> bool:
        return self.tls or self.validate_certs

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> ConnectionOptions:
        """Read the connection options from a module's parameters.

        As in the Docker CLI, the three files default to those in ``DOCKER_CERT_PATH``.
        """
        values = {name: parameters[name] for name in CONNECTION_ARGUMENT_SPEC}
        cert_path = os.environ.get("DOCKER_CERT_PATH")
        if cert_path:
            for name, file in (("ca_path", "ca.pem"), ("client_cert", "cert.pem"), ("client_key", "key.pem")):
                values[name] = values[name] or str(Path(cert_path) / file)
        return cls(**values)


def options_from_environment() -> ConnectionOptions:
    """Read the connection options from ``DOCKER_HOST`` and the other variables, like a module without
    parameters.

    Raises OrcastraError for a value of the wrong type.
    """
    result = ArgumentSpecValidator(CONNECTION_ARGUMENT_SPEC).validate({})
    if result.error_messages:
        raise OrcastraError(f"environment: {'; '.join(result.error_messages)}")
    return ConnectionOptions.from_parameters(result.validated_parameters)


def address_fault(docker_host: str) -> str | None:
    """Check the syntax of an engine's address. Returns the fault, or None if it is valid."""
    if DOCKER_IMPORT_ERROR is not None:
        return None
    try:
        docker.utils.parse_host(docker_host)
    except (docker.errors.DockerException, ValueError) as error:
        return str(error).replace("Invalid bind address ", "").removesuffix(f": {docker_host}")
    return None


def connect(options: ConnectionOptions) -> Engine:
    """Connect to the engine, and query its API version.

    Raises EngineUnreachable or TlsMismatch, and OrcastraError for invalid options or a missing library.
    """
    if DOCKER_IMPORT_ERROR is not None:
        raise MissingLibrary("the Docker SDK for Python (package 'docker') is not installed", "docker")
    base_url = options.docker_host
    if options.uses_tls:
        base_url = base_url.replace("tcp://", "https://", 1)
    if options.docker_host.startswith("ssh://"):
        _use_ssh()
    use_ssh_client: dict[str, Any] = {"use_ssh_client": True} if options.use_ssh_client else {}
    try:
        client = docker.APIClient(
            base_url=base_url,
            # any fixed version, so that the SDK does not query it before the settings below are effective
            version=PLACEHOLDER_API_VERSION,
            timeout=options.timeout,
            tls=_tls_config(options),
            # the SDK of Debian 11 does not have this option
            **use_ssh_client,
        )
    except OrcastraError:
        raise
    except Exception as error:  # paramiko, the ssh client and the SDK have no base class in common
        raise translate_error(error, options.docker_host) from error
    if options.tls_hostname is not None:
        client.mount("https://", _hostname_adapter(options.tls_hostname))
    engine = Engine(client, options.docker_host)
    if engine.is_local:
        # a socket needs no proxy and no netrc; searching for them takes a fifth of the time of each request
        client.trust_env = False
    if options.api_version == "auto":
        engine.negotiate_api_version()
    else:
        engine.api_version = options.api_version
    return engine


def _use_ssh() -> None:
    """Enable ssh:// in the SDK, which needs paramiko even if it runs the ssh command."""
    try:
        from docker.transport.sshconn import SSHHTTPAdapter  # noqa: PLC0415 - see the top
    except ImportError as error:
        raise MissingLibrary(
            "docker_host: ssh:// requires the Python library paramiko, which is not installed", "paramiko"
        ) from error
    docker.api.client.SSHHTTPAdapter = SSHHTTPAdapter  # type: ignore[attr-defined]


def _tls_config(options: ConnectionOptions) -> Any:
    if not options.uses_tls:
        return False
    if (options.client_cert is None) != (options.client_key is None):
        raise OrcastraError("client_cert and client_key: expected both or neither, found only one")
    client_cert = None
    if options.client_cert is not None and options.client_key is not None:
        client_cert = (options.client_cert, options.client_key)
    for name in ("ca_path", "client_cert", "client_key"):
        path = getattr(options, name)
        if path is not None and not Path(path).is_file():
            raise OrcastraError(f"{name}: expected a file, found none at {path}")
    return docker.tls.TLSConfig(
        client_cert=client_cert, ca_cert=options.ca_path, verify=options.validate_certs
    )


def _hostname_adapter(hostname: str) -> Any:
    """An adapter that expects ``hostname`` in the certificate. The SDK no longer has an option for this."""

    class HostnameAdapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, assert_hostname=hostname, **kwargs)

    return HostnameAdapter()
