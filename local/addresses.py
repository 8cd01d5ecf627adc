"""The addresses of a local world: its host, its three neighbouring ports, whether they are free."""

import contextlib
import errno
import ipaddress
import random
import socket

from aws.config import load
from local.errors import UpError

LOCALHOST = "localhost"
ANY = ("", "0.0.0.0", "::")  # noqa: S104 refused
PORTS = 3
"""The site, the local AWS, the local Globus."""
LAST_PORT = 65535
APART = 10
"""The worlds that start at once take first ports so far apart."""


def url_of(host: str, port: int) -> str:
    return f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches it. Raises UpError for what is no address."""
    return ipaddress.ip_address(address_of(host)).is_loopback


def address_of(host: str) -> str:
    """The IPv4 address of a host name. Raises UpError, also for the addresses that mean all."""
    if host in ANY:
        raise UpError(
            f"--host {host}: name the one address by which browsers reach this machine, "
            "for example --host 192.168.1.20"
        )
    try:
        return socket.gethostbyname(host)
    except (OSError, UnicodeError):
        raise UpError(f"--host {host}: no IPv4 address is known by this name") from None


def demand_free(host: str, port: int) -> None:
    """Raises UpError unless a server can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address_of(host), port))
        except OSError as fault:
            raise UpError(_cannot_listen(host, port, fault)) from None


def free_port() -> int:
    """The first of three neighbouring ports of [local] that are free just now, by chance.

    Raises UpError, or ConfigError.
    """
    local = load().local
    ports = range(local.first_port, local.last_port, APART)
    for port in random.sample(ports, len(ports)):
        with contextlib.ExitStack() as probes:
            try:
                for neighbour in range(port, port + PORTS):
                    probe = probes.enter_context(socket.socket())
                    probe.bind((LOCALHOST, neighbour))
            except OSError:
                continue
            return port
    raise UpError(
        f"no three neighbouring ports are free from {local.first_port} to {local.last_port}; "
        "GAS_LOCAL_FIRST_PORT and GAS_LOCAL_LAST_PORT choose others"
    )


def _cannot_listen(host: str, port: int, fault: OSError) -> str:
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"--host {host}: this is not an address of this machine"
    if fault.errno == errno.EACCES:
        return f"port {port} needs root; choose one from 1024 on: ./gas up --port 6000"
    return f"port {port} is taken; stop what uses it, or choose others: ./gas up --port 6000"
