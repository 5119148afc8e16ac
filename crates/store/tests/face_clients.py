"""Writes and asks with the official clients; the address of the server is the one argument."""
import sys

URL = sys.argv[1]
LOGS = [
    {"@timestamp": f"2026-01-02T03:00:{n:02}Z", "message": f"Failed password for root, try {n}",
     "host": {"name": f"web{n % 2}"}, "log": {"level": "error" if n % 3 == 0 else "info"}}
    for n in range(30)
]


def check(what, found, expected):
    if found != expected:
        raise SystemExit(f"{what}: {found!r}, not {expected!r}")


def same_for_both(client, helpers, index):
    """What both clients are asked; their calls have the same names."""
    done, errors = helpers.bulk(client, ({"_op_type": "create", "_index": index, **log} for log in LOGS))
    check("bulk", (done, errors), (30, []))
    client.indices.refresh(index=index)
    check("count", client.count(index=index)["count"], 30)
    body = {"query": {"bool": {"filter": [{"term": {"log.level": "error"}},
                                          {"range": {"@timestamp": {"gte": "2026-01-02T03:00:10Z"}}}]}},
            "sort": [{"@timestamp": "asc"}], "size": 3, "aggs": {
                "hosts": {"terms": {"field": "host.name", "order": {"_key": "asc"}}},
                "time": {"date_histogram": {"field": "@timestamp", "calendar_interval": "minute"}}}}
    found = client.search(index=index, **as_arguments(client, body))
    check("total", found["hits"]["total"], {"value": 6, "relation": "eq"})
    check("hits", [hit["_source"]["@timestamp"][17:19] for hit in found["hits"]["hits"]], ["12", "15", "18"])
    hosts = [(bucket["key"], bucket["doc_count"]) for bucket in found["aggregations"]["hosts"]["buckets"]]
    check("hosts", hosts, [("web0", 3), ("web1", 3)])
    check("time", [bucket["doc_count"] for bucket in found["aggregations"]["time"]["buckets"]], [6])
    body = {**body, "search_after": found["hits"]["hits"][-1]["sort"]}
    rest = client.search(index=index, **as_arguments(client, body))
    check("next", [hit["_source"]["@timestamp"][17:19] for hit in rest["hits"]["hits"]], ["21", "24", "27"])
    one = found["hits"]["hits"][0]
    check("get", client.get(index=index, id=one["_id"])["_source"]["message"], one["_source"]["message"])
    mapping = client.indices.get_mapping(index="ratel-events")
    properties = next(iter(mapping.values()))["mappings"]["properties"]
    check("mapping", properties["src_ip"]["type"], "ip")
    caps = client.field_caps(index="ratel-events", fields="alert.*")
    check("field_caps", caps["fields"]["alert.signature"]["text"]["searchable"], True)
    check("health", client.cluster.health()["status"], "green")
    check("exists", bool(client.exists(index=index, id="no-such-id")), False)


def as_arguments(client, body):
    """OpenSearch's client takes a body, Elasticsearch's its parts."""
    return {"body": body} if "opensearch" in type(client).__module__ else body


def main():
    import elasticsearch
    import elasticsearch.helpers
    import opensearchpy

    theirs = elasticsearch.Elasticsearch(URL, api_key="id:key")
    check("info", theirs.info()["cluster_name"], "ratel")
    same_for_both(theirs, elasticsearch.helpers, "python-es")
    try:
        theirs.search(query={"regexp": {"a": "b"}})
        raise SystemExit("a query that is not known was answered")
    except elasticsearch.BadRequestError as error:
        check("error", error.error, "parsing_exception")
    created = theirs.index(index="python-es", document={"message": "one"})
    check("index", created["result"], "created")
    same_for_both(opensearchpy.OpenSearch(URL), opensearchpy.helpers, "python-os")
    print("both clients wrote and asked")


main()
