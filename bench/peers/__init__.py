"""Other service managers, each behind the same interface (``base.py``)."""

from bench.peers.base import Peer
from bench.peers.dinit import Dinit
from bench.peers.runit import Runit
from bench.peers.s6 import S6
from bench.peers.supervisord import Supervisord

PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (S6, Runit, Dinit, Supervisord)}
# Debian's, of those that it has.
PACKAGES = [package for peer in PEERS.values() for package in peer.packages]
