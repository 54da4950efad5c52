"""JSON as fuzzers send it."""

from hypothesis import strategies as st

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["True", "false", "", "work", "Admin", "a@b.c", "\x00", "\ud800"]),
)
keys = st.sampled_from(["value", "type", "primary", "$ref", "givenName", "op", "path", "members"]) | st.text(max_size=6)
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
