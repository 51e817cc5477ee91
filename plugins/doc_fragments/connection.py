# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - The URL of the engine, V(unix://), V(tcp://) or V(ssh://).
      - With TLS, V(tcp://) is the same as V(https://).
      - If the option is not given, the environment variable E(DOCKER_HOST) is used.
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  tls:
    description:
      - Whether to use TLS without checking the engine's certificate. O(validate_certs=true) takes
        precedence.
      - If the option is not given, the environment variable E(DOCKER_TLS) is used.
    type: bool
    default: false
  validate_certs:
    description:
      - Whether to use TLS and check the engine's certificate.
      - If the option is not given, the environment variable E(DOCKER_TLS_VERIFY) is used.
    type: bool
    default: false
    aliases: [tls_verify]
  ca_path:
    description:
      - A file of CA certificates to check the engine's certificate with.
      - If the option is not given and E(DOCKER_CERT_PATH) is set, the file C(ca.pem) in that folder is
        used.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - The file of the client's certificate.
      - If the option is not given and E(DOCKER_CERT_PATH) is set, the file C(cert.pem) in that folder is
        used.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - The file of the client's key.
      - If the option is not given and E(DOCKER_CERT_PATH) is set, the file C(key.pem) in that folder is
        used.
    type: path
    aliases: [tls_client_key, key_path]
  tls_hostname:
    description:
      - The name to expect in the engine's certificate, where it is not that of O(docker_host).
      - If the option is not given, the environment variable E(DOCKER_TLS_HOSTNAME) is used.
    type: str
  api_version:
    description:
      - The version of the API to use. V(auto) is the newest that the engine knows; an older one hides
        fields of newer engines.
      - If the option is not given, the environment variable E(DOCKER_API_VERSION) is used.
    type: str
    default: auto
    aliases: [docker_api_version]
  timeout:
    description:
      - How long to wait for an answer of the engine, in seconds.
      - If the option is not given, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 60
  use_ssh_client:
    description:
      - For V(ssh://), whether to use the command C(ssh), with its configuration and agent, instead of the
        Python library paramiko.
    type: bool
    default: false
requirements:
  - python >= 3.9
  - docker (Docker SDK for Python) >= 5.0.0
  - paramiko, for V(ssh://)
"""
