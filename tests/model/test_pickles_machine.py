"""Plain values mean to our machine what they mean to Python's own pickle."""

import pickle
from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.pickle_machine import Machine
from model.pickle_names import known_names
from model.pickle_stream import Budget, MalformedError, Stream

SMALL = st.integers(-(1 << 31) + 1, (1 << 31) - 1)
LONG = st.integers(-(1 << 2000), 1 << 2000)
SIMPLE = st.none() | st.booleans() | SMALL | LONG | st.floats(allow_nan=False) | st.text()
KEYS = st.text() | SMALL
VALUES = st.recursive(
    SIMPLE | st.binary() | st.sets(KEYS),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
    ),
    max_leaves=20,
)


def run(data: bytes) -> object:
    budget = Budget(data_bytes=3 * len(data))
    return Machine(Stream.of(data), budget, known_names(budget)).run()


@settings(deadline=None, max_examples=150)
@given(VALUES, st.sampled_from([3, 4, 5]))
def test_plain_values_survive_every_protocol(value: object, protocol: int) -> None:
    assert run(pickle.dumps(value, protocol=protocol)) == value


@settings(deadline=None, max_examples=50)
@given(st.recursive(SIMPLE, st.lists, max_leaves=20))
def test_values_without_bytes_survive_protocol_2(value: object) -> None:
    assert run(pickle.dumps(value, protocol=2)) == value


def test_a_value_held_twice_stays_one_value() -> None:
    shared = [1]
    result = run(pickle.dumps({"a": shared, "b": shared}, protocol=4))
    assert isinstance(result, dict)
    assert result["a"] is result["b"]


def test_the_order_of_an_ordered_dictionary_is_kept() -> None:
    result = run(pickle.dumps(OrderedDict(b=1, a=2), protocol=4))
    assert isinstance(result, dict)
    assert list(result) == ["b", "a"]


def test_the_text_protocol_is_refused() -> None:
    with pytest.raises(MalformedError):
        run(pickle.dumps([1, "a"], protocol=0))
