# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A web service, and clients that keep calling it to detect failed requests.

Each node runs a client that sends about two requests per second, one after another. Each request resolves
the name of the service, uses the first address from the engine's DNS, and is sent once: no second address,
no retry. It fails if the name has no address, the connection is refused, or there is no complete response
within 3 seconds. A client starts counting at its first response, when its own network is up. It stops when it
receives a signal, after the request in progress. So all active nodes send requests at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.integration import accidents
from tests.integration.accidents import SECOND
from tests.lab import Lab
from tests.lab.wait import wait_until

FOLDER = "/var/lib/orcastra-client"
NETWORK = "traffic"
# 127.0.0.11 is the engine's DNS; in a static busybox, only nslookup uses it
CLIENT = """
ask() {
  address=$(nslookup web 127.0.0.11 2>&1 | awk '/^Address: / {print $2; exit}')
  [ "$address" ] || { echo "no address"; return 1; }
  timeout 3 wget -q -O /dev/null "http://$address:8000/" 2>&1
}
end=; trap 'end=1' TERM
until ask > /dev/null; do [ "$end" ] && exit; sleep 0.1; done
while [ ! "$end" ]; do
  if said=$(ask)
  then echo ok
  else echo "failed $(date +%T) $(hostname) $address $said"
  fi >> /log/requests
  sleep 0.3
done
"""


@dataclass(frozen=True)
class Counted:
    """The number of answered requests, and the errors of failed ones."""

    answered: int
    failures: tuple[str, ...]


def start(lab: Lab, image: str, replicas: int = 2, order: str = "start-first") -> None:
    """Start the service ``web`` and the clients, and wait until every client has received a response."""
    lab.each(lambda host: host.run(["sh", "-c", f"mkdir -p {FOLDER}; rm -f {FOLDER}/requests"]))
    manager = accidents.manager(lab)
    network = manager.api("POST", "/networks/create", {"Name": NETWORK, "Driver": "overlay"})["Id"]
    manager.api("POST", "/services/create", _web(image, replicas, order, network))
    wait_until(lambda: accidents.running(lab, "web") == replicas, 180, "the web service to run")
    manager.api("POST", "/services/create", _clients(image, network))
    wait_until(lambda: all(_count(lab, host.name) for host in lab), 180, "all clients to be answered", 0.5)


def stop(lab: Lab) -> Counted:
    """Stop the clients, and count their requests."""
    accidents.manager(lab).api("DELETE", "/services/clients")
    found = [line for host in lab for line in lines(lab, host.name)]
    failures = [line for line in found if line != "ok"]
    return Counted(len(found) - len(failures), tuple(failures))


def _web(image: str, replicas: int, order: str, network: str) -> dict[str, Any]:
    container: dict[str, Any] = {
        "Image": image,
        "Args": ["httpd", "-f", "-p", "8000", "-h", "/www"],
        "StopGracePeriod": 10 * SECOND,
        "Healthcheck": {
            "Test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/"],
            "Interval": 2 * SECOND,
            "Timeout": 3 * SECOND,
            "Retries": 3,
        },
    }
    return {
        "Name": "web",
        "TaskTemplate": {"ContainerSpec": container, "Networks": [{"Target": network}]},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 1, "Order": order, "FailureAction": "pause", "Monitor": SECOND},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


def _clients(image: str, network: str) -> dict[str, Any]:
    mount = {"Type": "bind", "Source": FOLDER, "Target": "/log"}
    return {
        "Name": "clients",
        "TaskTemplate": {
            "ContainerSpec": {"Image": image, "Command": ["sh", "-c", CLIENT], "Mounts": [mount]},
            "Networks": [{"Target": network}],
        },
        "Mode": {"Global": {}},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


def _count(lab: Lab, name: str) -> int:
    return len(lines(lab, name))


def lines(lab: Lab, name: str) -> list[str]:
    found: str = lab[name].run(["sh", "-c", f"cat {FOLDER}/requests 2>/dev/null || true"]).stdout
    return found.splitlines()
