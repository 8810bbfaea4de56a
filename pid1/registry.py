"""Which name belongs to which service: registration, replacement, requirements, cycles.

Keeps an index from each required name to the services that require it, so that the
dependents of a service are found without a walk over all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pid1.errors import ServiceNotFound, misc_error
from pid1.service import STOPPED, Service


class Registry:
    """All services by each of their names, in order of registration."""

    def __init__(self) -> None:
        self._by_name: dict[str, Service] = {}
        self._requiring: dict[str, dict[Service, None]] = {}

    def __iter__(self) -> Iterator[Service]:
        """Each service once, oldest first."""
        return iter([s for name, s in self._by_name.items() if s.names[0] == name])

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: object) -> Service | None:
        """Return the service that provides ``name``, or None."""
        return self._by_name.get(name) if isinstance(name, str) else None

    def lookup(self, name: object) -> Service:
        """Return the service that provides ``name``; raises ServiceNotFound."""
        service = self.get(name)
        if service is None:
            raise ServiceNotFound(name)
        return service

    def dependents(self, service: Service) -> list[Service]:
        """Return the services whose requirement names ``service``, whatever their status."""
        found: dict[Service, None] = {}
        for name in service.names:
            for dependent in self._requiring.get(name, ()):
                found[dependent] = None
        return list(found)

    def register(self, service: Service) -> Service | None:
        """Add ``service``; see SHEPHERD.md 3.5 for names that are taken.

        Returns the service for which it now waits as a replacement, or None if it is
        registered.  Raises KeyedError for a requirement cycle; nothing has changed then.
        """
        self._refuse_cycle(service)
        for name in service.names:
            old = self._by_name.get(name)
            if old is None or old is service:
                continue
            if old.status != STOPPED:
                old.replacement = service
                old.touch()
                return old
            service.enabled = old.enabled
            self.unregister(old)
            break
        for name in service.names:
            self._by_name[name] = service
        for name in service.requirement:
            self._requiring.setdefault(name, {})[service] = None
        return None

    def unregister(self, service: Service) -> None:
        """Remove ``service`` with all its names; names that another took over stay."""
        for name in service.names:
            if self._by_name.get(name) is service:
                del self._by_name[name]
        for name in service.requirement:
            users = self._requiring.get(name)
            if users is not None:
                users.pop(service, None)
                if not users:
                    del self._requiring[name]

    def requirements(self, service: Service) -> list[Service]:
        """Return the required services; raises ServiceNotFound with the missing name."""
        return [self.lookup(name) for name in service.requirement]

    def _refuse_cycle(self, service: Service) -> None:
        """Raise KeyedError if ``service`` would require itself, directly or through others."""
        own = set(service.names)
        # Depth first; an entry of the stack is an iterator over one service's requirement.
        path: list[str] = [service.names[0]]
        stack: list[Iterator[str]] = [iter(service.requirement)]
        seen: set[str] = set()
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                path.pop()
            elif name in own:
                cycle = " -> ".join([*path, name])
                raise misc_error(
                    f"service '{service.names[0]}' not registered: requirement cycle: {cycle}"
                )
            elif name not in seen:
                seen.add(name)
                required = self._by_name.get(name)
                if required is not None:
                    path.append(name)
                    stack.append(iter(required.requirement))


def start_order(services: Iterable[Service], registry: Registry) -> list[Service]:
    """Return ``services`` and all they require, requirements first.

    Raises ServiceNotFound for a requirement that is not registered.
    """
    order: dict[Service, None] = {}
    stack: list[tuple[Service, Iterator[Service]]] = []
    entered: set[Service] = set()
    for root in services:
        if root in entered:
            continue
        entered.add(root)
        stack.append((root, iter(registry.requirements(root))))
        while stack:
            service, remaining = stack[-1]
            required = next(remaining, None)
            if required is None:
                stack.pop()
                order[service] = None
            elif required not in entered:
                entered.add(required)
                stack.append((required, iter(registry.requirements(required))))
    return list(order)
