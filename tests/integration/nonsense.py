"""Commands whose fields are anything: strategies of hypothesis."""

import string

from hypothesis import strategies as st

names = st.sampled_from(["main", "a", "é", "x" * 64, "x" * 65, "a b", "", "a/b", "..", "%00"])
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.text(st.sampled_from("\0\u202e\u0301\ufeff\u2028'\"<\\"), max_size=30)
    | names,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
# Times at the ends of what can be written; some lie beyond them in UTC.
TIMES = (
    "9999-12-31T23:59:59-05:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:60Z",
    "9000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2100-01-01T00:00:00+23:59",
    "2100-01-01T00:00:00",
    "2100-01-01",
)
TIMELESS = (
    *("room", "text", "id", "seq", "before", "limit", "after", "history", "name", "seen"),
    *("action", "target", "reason"),
)
KINDS = (
    *("join", "leave", "post", "edit", "delete", "history", "rooms", "rename", "moderate"),
    "watch",
)
SILENT = ("typing", "pong", "unwatch")
commands = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, *SILENT]) | st.text(string.ascii_lowercase, max_size=8)},
    optional={**dict.fromkeys(TIMELESS, anything), "until": anything | st.sampled_from(TIMES)},
)
ACTIONS = ("delete", "mute", "unmute", "remove", "restore")
moderating = st.fixed_dictionaries(
    {
        "type": st.just("moderate"),
        "room": names,
        "action": st.sampled_from(ACTIONS),
        "target": st.integers(0, 5) | st.sampled_from(["2", "g:2", "s:x"]) | st.text(max_size=20),
    },
    optional={"until": st.sampled_from(TIMES), "reason": st.text(max_size=20)},
)
likely = st.fixed_dictionaries(
    {
        "type": st.sampled_from(KINDS),
        "room": names,
        "text": st.text(max_size=50),
        "id": st.text(min_size=1, max_size=20),
        "seq": st.integers(0, 5),
        "before": st.integers(0, 5),
        "name": st.text(min_size=1, max_size=10),
    },
    optional={"history": st.integers(0, 5), "limit": st.integers(0, 5)},
)
