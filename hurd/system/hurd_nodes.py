"""Nodes of GNU/Hurd and their translators, through `hurd.translator`, loaded when it is needed."""

from __future__ import annotations

from hurd.system.nodes import Nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.system.nodes import ServerSpec


# A passive and an active translator, in the mode of a node (bits/stat.h).  Not imported from the
# modules of the remote procedure calls: those take as long as all that PID 1 needs at first.
TRANSLATED = 0o10000000 | 0o20000000


class HurdNodes(Nodes):
    def has_servers(self) -> bool:
        return True

    def may_be_served(self, mode: int) -> bool:
        return bool(mode & TRANSLATED)

    def start_server(self, node: str, server: ServerSpec, *, output: int = 2) -> int:
        from hurd.translator import set_active

        # That it ends is heard of as the end of a child: its ports are of no use to us.
        with set_active(
            node,
            server.command,
            passive=server.record,
            create=server.create,
            timeout=server.timeout,
            descriptors=(None, None, output),
        ) as started:
            return started.pid

    def stop_server(self, node: str, *, force: bool = False) -> None:
        from hurd.translator import remove

        remove(node, passive=False, force=force)

    def is_served(self, node: str) -> bool:
        from hurd.translator import active_of, open_node

        with open_node(node) as opened:
            active = active_of(opened)
            if active is not None:
                active.close()
            return active is not None

    def server_record(self, node: str) -> list[str] | None:
        from hurd.translator import show

        return show(node)

    def set_server_record(self, node: str, command: Sequence[str] | None) -> None:
        from hurd.translator import set_passive

        set_passive(node, command or (), keep_active=True)

    def server_options(self, node: str) -> list[str]:
        from hurd.translator import get_options

        return get_options(node)

    def set_server_options(self, node: str, options: Sequence[str]) -> None:
        from hurd.translator import set_options

        set_options(node, options)
