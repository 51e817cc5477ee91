# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - The URL of the Docker engine, which begins with V(unix://), V(tcp://) or V(ssh://).
      - With TLS, V(tcp://) is the same as V(https://).
      - If the value is not specified in the task, the value of the environment variable E(DOCKER_HOST) is
        used instead.
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  tls:
    description:
      - Secure the connection with TLS without verifying the certificate of the engine. O(validate_certs=true)
        takes precedence.
      - If the value is not specified in the task, the value of the environment variable E(DOCKER_TLS) is used
        instead.
    type: bool
    default: false
  validate_certs:
    description:
      - Secure the connection with TLS and verify the certificate of the engine.
      - If the value is not specified in the task, the value of the environment variable E(DOCKER_TLS_VERIFY)
        is used instead.
    type: bool
    default: false
    aliases: [tls_verify]
  ca_path:
    description:
      - The path to a file with the CA certificates that verify the certificate of the engine.
      - If the value is not specified in the task and the environment variable E(DOCKER_CERT_PATH) is set, the
        file C(ca.pem) in that directory is used.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - The path to the TLS certificate file of the client.
      - If the value is not specified in the task and the environment variable E(DOCKER_CERT_PATH) is set, the
        file C(cert.pem) in that directory is used.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - The path to the TLS key file of the client.
      - If the value is not specified in the task and the environment variable E(DOCKER_CERT_PATH) is set, the
        file C(key.pem) in that directory is used.
    type: path
    aliases: [tls_client_key, key_path]
  tls_hostname:
    description:
      - The host name to expect in the certificate of the engine, if it differs from the one in
        O(docker_host).
      - If the value is not specified in the task, the value of the environment variable
        E(DOCKER_TLS_HOSTNAME) is used instead.
    type: str
  api_version:
    description:
      - The version of the Docker API to use. V(auto) selects the newest version that the engine supports. An
        older version hides the fields that newer engines added.
      - If the value is not specified in the task, the value of the environment variable E(DOCKER_API_VERSION)
        is used instead.
    type: str
    default: auto
    aliases: [docker_api_version]
  timeout:
    description:
      - The maximum time to wait for a response from the engine, in seconds.
      - If the value is not specified in the task, the value of the environment variable E(DOCKER_TIMEOUT) is
        used instead.
    type: int
    default: 60
  use_ssh_client:
    description:
      - For V(ssh://) URLs, use the C(ssh) command with its configuration and agent instead of the Python
        library paramiko.
    type: bool
    default: false
requirements:
  - python >= 3.9
  - docker (Docker SDK for Python) >= 5.0.0
  - paramiko, for V(ssh://)
"""
