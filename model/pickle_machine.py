"""A pickle interpreter that can only make data.

A pickle is a program for a small stack machine. Python's own machine imports and calls whatever
the program names; this one knows the opcodes that network files use, and a closed table of names,
each with an inert stand-in of ours. It imports nothing, looks up no attribute, never recurses, and
spends from a budget, so that a file can neither run code nor exhaust the computer.

The opcodes are described in the standard library's `pickletools`.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from model.pickle_stream import Budget, MalformedError, Stream, decoded

LONGEST_TEXT = 1 << 20
LONGEST_DATA = 1 << 27


def plain_key(value: object) -> str | int:
    """A key of a dict or member of a set.

    Others are refused: hashing a deep value would recurse, and long numbers can be chosen to
    collide.
    """
    if isinstance(value, str) or (isinstance(value, int) and abs(value) < 1 << 31):
        return value
    raise MalformedError("uses a key that is neither text nor a small number")


class Buildable(ABC):
    """A stand-in that accepts its state after it was made (opcode BUILD)."""

    @abstractmethod
    def build(self, state: object) -> None: ...


@dataclass(frozen=True)
class Builder:
    """What stands in for a function or class that the file calls with arguments."""

    make: Callable[[tuple[object, ...]], object]


@dataclass(frozen=True)
class Blank:
    """What stands in for a class of which the file makes an empty object, to be filled."""

    make: Callable[[], object]


Names = Mapping[tuple[str, str], object]
"""The closed table: (module, name) to a Builder, a Blank, or a plain value."""


class Machine:
    """Runs one pickle from a stream.

    `names` is the closed table; `persistent`, where given, turns the id of a stored
    object (opcode BINPERSID) into a value.
    """

    def __init__(
        self,
        stream: Stream,
        budget: Budget,
        names: Names,
        persistent: Callable[[object], object] | None = None,
    ) -> None:
        self._stream = stream
        self._budget = budget
        self._names = names
        self._persistent = persistent
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self) -> object:
        """The value that the pickle describes.

        Raises:
            MalformedError: it is broken, too large, or asks for anything outside the table.
        """
        while (opcode := self._stream.take(1)) != b".":
            self._budget.spend_opcode()
            step = self._STEPS.get(opcode)
            if step is None:
                raise MalformedError(f"uses the pickle instruction {opcode!r}, unknown in networks")
            step(self)
        if self._marks or len(self._stack) != 1:
            self._fail()
        return self._stack[0]

    def _fail(self) -> NoReturn:
        raise MalformedError("is not a well-formed pickle")

    # The stack and its marks

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _top(self, depth: int = 1) -> object:
        floor = self._marks[-1] if self._marks else 0
        if len(self._stack) - floor < depth:
            self._fail()
        return self._stack[-depth]

    def _pop(self) -> object:
        self._top()
        return self._stack.pop()

    def _pop_many(self, count: int) -> list[object]:
        self._top(count)
        values = self._stack[-count:]
        del self._stack[-count:]
        return values

    def _pop_to_mark(self) -> list[object]:
        if not self._marks:
            self._fail()
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    # Text and data

    def _text(self, byte_count: int) -> None:
        if byte_count > LONGEST_TEXT:
            raise MalformedError("holds a text too long for a network")
        self._budget.spend_text(byte_count)
        self._push(decoded(self._stream.take(byte_count)))

    def _data(self, byte_count: int) -> None:
        if byte_count > LONGEST_DATA:
            raise MalformedError("holds a tensor too large for a network")
        self._budget.spend_data(byte_count)
        self._push(self._stream.take(byte_count))

    def _whole_number(self) -> None:
        digits = self._stream.take(self._stream.number("<B"))
        self._push(int.from_bytes(digits, "little", signed=True))

    def _fraction(self) -> None:
        self._push(struct.unpack(">d", self._stream.take(8))[0])

    # Containers

    def _extend_list(self, values: list[object]) -> None:
        target = self._top()
        if not isinstance(target, list):
            self._fail()
        target.extend(values)

    def _extend_set(self) -> None:
        values = self._pop_to_mark()
        target = self._top()
        if not isinstance(target, set):
            self._fail()
        target.update(plain_key(value) for value in values)

    def _update_dict(self, flat: list[object]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(flat) % 2:
            self._fail()
        target.update(
            (plain_key(key), value) for key, value in zip(flat[::2], flat[1::2], strict=True)
        )

    # Memo

    def _store(self, index: int) -> None:
        self._memo[index] = self._top()

    def _recall(self, index: int) -> None:
        if index not in self._memo:
            self._fail()
        self._push(self._memo[index])

    # Names and stand-ins

    def _find(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            self._fail()
        if (module, name) not in self._names:
            raise MalformedError(f"asks for {module[:80]!r} {name[:80]!r}, which no network needs")
        self._push(self._names[module, name])

    def _find_on_stack(self) -> None:
        module, name = self._pop_many(2)
        self._find(module, name)

    def _reduce(self) -> None:
        builder, arguments = self._pop_many(2)
        if not (isinstance(builder, Builder) and isinstance(arguments, tuple)):
            self._fail()
        self._push(builder.make(arguments))

    def _new(self) -> None:
        blank, arguments = self._pop_many(2)
        if not (isinstance(blank, Blank) and arguments == ()):
            self._fail()
        self._push(blank.make())

    def _build(self) -> None:
        state = self._pop()
        target = self._top()
        if not isinstance(target, Buildable):
            self._fail()
        target.build(state)

    def _resolve(self) -> None:
        if self._persistent is None:
            self._fail()
        self._push(self._persistent(self._pop()))

    def _protocol(self) -> None:
        version = self._stream.number("<B")
        if version not in range(2, 6):
            raise MalformedError(f"has pickle protocol {version}; 2 to 5 are known")

    def _frame(self) -> None:
        self._stream.take(8)  # its length, which only helps a reader to buffer

    _STEPS: ClassVar[dict[bytes, Callable[["Machine"], None]]] = {
        b"\x80": _protocol,
        b"\x95": _frame,
        b"(": _mark,
        # values
        b"N": lambda self: self._push(None),
        b"\x88": lambda self: self._push(True),
        b"\x89": lambda self: self._push(False),
        b"K": lambda self: self._push(self._stream.number("<B")),
        b"M": lambda self: self._push(self._stream.number("<H")),
        b"J": lambda self: self._push(self._stream.number("<i")),
        b"\x8a": _whole_number,
        b"G": _fraction,
        b"\x8c": lambda self: self._text(self._stream.number("<B")),
        b"X": lambda self: self._text(self._stream.number("<I")),
        b"\x8d": lambda self: self._text(self._stream.number("<Q")),
        b"C": lambda self: self._data(self._stream.number("<B")),
        b"B": lambda self: self._data(self._stream.number("<I")),
        b"\x8e": lambda self: self._data(self._stream.number("<Q")),
        b"\x96": lambda self: self._data(self._stream.number("<Q")),
        # containers
        b")": lambda self: self._push(()),
        b"\x85": lambda self: self._push(tuple(self._pop_many(1))),
        b"\x86": lambda self: self._push(tuple(self._pop_many(2))),
        b"\x87": lambda self: self._push(tuple(self._pop_many(3))),
        b"t": lambda self: self._push(tuple(self._pop_to_mark())),
        b"]": lambda self: self._push([]),
        b"a": lambda self: self._extend_list(self._pop_many(1)),
        b"e": lambda self: self._extend_list(self._pop_to_mark()),
        b"}": lambda self: self._push({}),
        b"s": lambda self: self._update_dict(self._pop_many(2)),
        b"u": lambda self: self._update_dict(self._pop_to_mark()),
        b"\x8f": lambda self: self._push(set()),
        b"\x90": _extend_set,
        # memo
        b"q": lambda self: self._store(self._stream.number("<B")),
        b"r": lambda self: self._store(self._stream.number("<I")),
        b"\x94": lambda self: self._store(len(self._memo)),
        b"h": lambda self: self._recall(self._stream.number("<B")),
        b"j": lambda self: self._recall(self._stream.number("<I")),
        # names and stand-ins
        b"c": lambda self: self._find(self._stream.line(), self._stream.line()),
        b"\x93": _find_on_stack,
        b"R": _reduce,
        b"\x81": _new,
        b"b": _build,
        b"Q": _resolve,
    }
