"""What schemathesis can't know: how searches, moments and networks look, and that only named statuses count."""

import urllib.parse

import schemathesis
from hypothesis import strategies as st
from schemathesis.specs.openapi import checks

# Who shows bad tokens again and again, as this does, is told to wait.
checks.AUTH_REJECTION_STATUSES = {*checks.AUTH_REJECTION_STATUSES, 429}

_field = st.sampled_from(["event_type", "src_ip", "alert.severity", "dns.rrname", "http.url", "flow_id", "none.such"])
_value = st.sampled_from(["alert", "10.0.0.0/8", "<=2", "*", "[1 TO 5]", '"two words"', "ex*mple", "2026-01-02"])
_term = st.one_of(
    st.builds("{}:{}".format, _field, _value),
    st.sampled_from(["word", "NOT dns", '"a phrase"', "_exists_:tls.sni", "x?y"]),
)
_search = st.recursive(
    _term,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT {}".format, inner),
    ),
    max_leaves=8,
)
_span = st.builds("{}{}".format, st.integers(1, 300), st.sampled_from("smhd"))
_networks = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.sampled_from(["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"]),
)

schemathesis.openapi.format("search", st.one_of(st.just(""), _search))
schemathesis.openapi.format("search-some", _search)
schemathesis.openapi.format(
    "moment", st.one_of(_span, st.just("now"), st.datetimes().map(lambda t: t.replace(year=2025).isoformat() + "Z"))
)
schemathesis.openapi.format("moment-ahead", _span.map(lambda text: text[:-1] + "d"))
schemathesis.openapi.format("password", st.integers(0, 10**9).map("correct horse battery {}".format))
# Only a listing gives one that leads further; an empty one is the first page.
schemathesis.openapi.format("cursor", st.just(""))
schemathesis.openapi.format("network", _networks)


@schemathesis.hook
def filter_query(context, query):
    """A head beyond 64 KiB is cut off while it is still written, which looks like a broken line."""
    return not query or len(urllib.parse.urlencode(query, doseq=True)) < 60_000


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """`default` describes any refusal; here each status must be named."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            operation["responses"].pop("default", None)
