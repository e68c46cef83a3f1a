from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from omcrm.reference.yaml_text import written

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    """Every JSON value is the same after YAML."""
    assert value == yaml.safe_load(written(value))


@pytest.mark.parametrize("text", ["no", "Null", "1.5", "3e5", "#/x", "- a", "a: b", "2026-01-05"])
def test_a_text_stays_a_text(text: str) -> None:
    """Even if it looks like a value of another type."""
    assert {text: text} == yaml.safe_load(written({text: text}))


def test_plain_words_have_no_quotes() -> None:
    """And lists are indented."""
    assert "a:\n  - b: c\n    d: []\n" == written({"a": [{"b": "c", "d": []}]})
