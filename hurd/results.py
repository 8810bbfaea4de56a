"""Results of several values and C structures, as named tuples that cost nothing to define.

`typing.NamedTuple` and `collections.namedtuple` import more than the whole of this package; to type
checkers a `Result` is one.
"""

from __future__ import annotations

__all__ = ["Result"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Result
else:
    from operator import itemgetter

    class Result(tuple):
        """A tuple whose items also have the names of the class's annotations."""

        __slots__ = ()
        _fields = ()

        def __init_subclass__(cls):
            cls._fields = tuple(cls.__annotations__)
            for index, name in enumerate(cls._fields):
                setattr(cls, name, property(itemgetter(index)))

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                takes = f"{cls.__name__} takes {', '.join(cls._fields)}"
                for name in cls._fields[len(values) :]:
                    if name not in named:
                        raise TypeError(f"{takes}; got no {name}")
                    values += (named.pop(name),)
                if named or len(values) > len(cls._fields):
                    raise TypeError(f"{takes}; got {', '.join(named) or len(values)}")
            return tuple.__new__(cls, values)

        def __repr__(self):
            items = zip(self._fields, self, strict=True)
            return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in items)})"

        def __getnewargs__(self):
            return tuple(self)
