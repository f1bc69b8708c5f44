#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the same PromQL of Clew and of an installed Prometheus that hold the same series, and compares the answers.

The series go into Clew as OTLP, into Prometheus as blocks made of OpenMetrics text by promtool. Clew is to answer as
Prometheus 3; where the installed one is older, the queries stay clear of what version 3 changed: a sample on the left edge
of a range counts no more (none lies there), atan2 drops the name. Ends with a line `N same, N differ`; exit 1 where one
differs.
"""

import argparse
import json
import math
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

STEP = 15  # seconds between samples
COUNT = 320
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
TOLERANCE = 1e-9

# At one time each, and over a range.
QUERIES = """
http_requests_total
http_requests_total{method="GET",instance=~"i[12]"}
{__name__=~"queue_.+",instance!="i1"}
http_requests_total offset 7m
http_requests_total @ start()
queue_depth @ end() offset 1m
absent(nothing{job="shop"})
absent(queue_depth)
rate(http_requests_total[2m])
irate(http_requests_total[2m])
increase(http_requests_total[5m])
sum by (method) (rate(http_requests_total[2m]))
sum without (instance) (rate(http_requests_total[2m]))
delta(queue_depth[3m])
idelta(queue_depth[3m])
deriv(queue_depth[5m])
predict_linear(queue_depth[5m], 600)
resets(http_requests_total[10m])
changes(queue_depth[5m])
avg_over_time(queue_depth[3m])
sum_over_time(queue_depth[3m])
min_over_time(queue_depth[3m])
max_over_time(queue_depth[3m])
count_over_time(queue_depth[3m])
last_over_time(queue_depth[3m])
present_over_time(queue_depth[3m])
stddev_over_time(queue_depth[3m])
stdvar_over_time(queue_depth[3m])
quantile_over_time(0.7, queue_depth[3m])
absent_over_time(queue_depth[3m])
sum(queue_depth)
avg by (instance) (queue_depth)
min(queue_depth)
max without (queue) (queue_depth)
count(queue_depth)
group by (queue) (queue_depth)
stddev(queue_depth)
stdvar by (queue) (queue_depth)
quantile(0.3, queue_depth)
topk(2, queue_depth)
bottomk by (queue) (1, queue_depth)
count_values("depth", floor(queue_depth / 20))
histogram_quantile(0.9, sum by (le) (rate(request_seconds_bucket[5m])))
histogram_quantile(0.5, rate(request_seconds_bucket[5m]))
histogram_quantile(0.99, request_seconds_bucket)
rate(request_seconds_sum[5m]) / rate(request_seconds_count[5m])
queue_depth + 1
-queue_depth ^ 2
2 - queue_depth % 7
queue_depth > 50
queue_depth > bool 50
1 + 2 * 3 ^ 2
queue_depth / on (instance) group_left () sum by (instance) (queue_depth)
sum by (instance, method) (rate(http_requests_total[2m])) / ignoring (method) group_left () sum by (instance) (rate(http_requests_total[2m]))
queue_depth{queue="a"} and on (instance) queue_depth{queue="b"} > 40
queue_depth{queue="a"} or queue_depth{queue="b"}
queue_depth unless on (instance) queue_depth{instance="i1"}
queue_depth{queue="a"} * ignoring (queue) queue_depth{queue="b"}
abs(queue_depth - 50)
ceil(queue_depth)
floor(queue_depth)
round(queue_depth, 5)
clamp(queue_depth, 20, 60)
clamp_min(queue_depth, 30)
clamp_max(queue_depth, 30)
exp(queue_depth / 100)
ln(queue_depth)
log2(queue_depth)
log10(queue_depth - 50)
sqrt(queue_depth)
sgn(queue_depth - 50)
sin(queue_depth)
atan(queue_depth)
abs(queue_depth atan2 queue_depth)
deg(queue_depth)
scalar(sum(queue_depth))
vector(7)
time()
timestamp(queue_depth)
hour()
minute(vector(1700000000))
day_of_week(vector(1700000000))
day_of_year(vector(1700000000))
days_in_month(vector(1700000000))
label_replace(queue_depth, "short", "$1", "instance", "i(.)")
label_join(queue_depth, "both", "-", "instance", "queue")
sort(queue_depth)
sort_desc(queue_depth)
max_over_time(rate(http_requests_total[1m])[10m:30s])
avg_over_time(sum(queue_depth)[5m:1m])
sum_over_time(queue_depth[3m:]) offset 1m
sum(rate(http_requests_total[2m])) by (method) > 1 or vector(0)
sum(
queue_depth{
rate(queue_depth)
sum(queue_depth) by (le) on (x) 1
queue_depth * on (instance) queue_depth
queue_depth + on (queue) group_left () queue_depth
queue_depth[5m]
"text"
foo_bar(queue_depth)
label_replace(queue_depth, "x", "$1", "instance", "(")
1 == 2
1 == bool 2
""".strip().splitlines()


class Series:
    def __init__(self, name, labels):
        self.name = name
        self.labels = labels
        self.points = []  # (milliseconds, value)

    def open_metrics(self):
        labels = ",".join('%s="%s"' % pair for pair in self.labels.items())
        return ["%s{%s} %r %.3f" % (self.name, labels, value, time / 1000) for time, value in self.points]


def attribute(key, value):
    return {"key": key, "value": {"stringValue": value}}


class Data:
    """Series of one service with three instances: OTLP for Clew, and what Prometheus calls them."""

    def __init__(self, base):
        # Samples lie on no multiple of a step that a query names.
        self.times = [(base + 4) * 1000 + i * STEP * 1000 for i in range(COUNT)]
        self.series = []
        self.requests = []
        draw = random.Random(7)
        for instance in ("i1", "i2", "i3"):
            self.resource = {
                "attributes": [attribute("service.name", "shop"), attribute("service.instance.id", instance)]
            }
            self.own = {"job": "shop", "instance": instance}
            for method in ("GET", "POST"):
                self.counter(draw, method)
            for queue in ("a", "b"):
                self.gauge(draw, queue)
            self.histogram(draw)

    def at(self, i, **fields):
        return {"timeUnixNano": str(self.times[i] * 1_000_000), **fields}

    def post(self, metric):
        scope = {"scope": {"name": "compat"}, "metrics": [metric]}
        self.requests.append({"resourceMetrics": [{"resource": self.resource, "scopeMetrics": [scope]}]})

    def add(self, name, **labels):
        self.series.append(Series(name, {**self.own, **labels}))
        return self.series[-1]

    def counter(self, draw, method):
        """With resets, a gap, and a later beginning for POST, far from zero: versions before 3 extrapolate other ones."""
        series = self.add("http_requests_total", method=method)
        points = []
        value = 5000.0 if method == "POST" else 0.0
        for i in range(40 if method == "POST" else 0, COUNT):
            value = 0.0 if draw.random() < 0.02 else value + draw.randrange(0, 40)
            if 150 < i < 190 and method == "GET":
                continue
            series.points.append((self.times[i], value))
            points.append(self.at(i, asDouble=value, attributes=[attribute("method", method)]))
        self.post(
            {"name": "http_requests", "sum": {"dataPoints": points, "isMonotonic": True, "aggregationTemporality": 2}}
        )

    def gauge(self, draw, queue):
        series = self.add("queue_depth", queue=queue)
        points = []
        value = 50.0
        for i in range(COUNT):
            value = max(0.0, value + draw.uniform(-8, 8))
            series.points.append((self.times[i], value))
            points.append(self.at(i, asDouble=value, attributes=[attribute("queue", queue)]))
        self.post({"name": "queue_depth", "gauge": {"dataPoints": points}})

    def histogram(self, draw):
        buckets = [self.add("request_seconds_bucket", le=repr(bound)) for bound in BOUNDS]
        buckets.append(self.add("request_seconds_bucket", le="+Inf"))
        total = self.add("request_seconds_sum")
        count = self.add("request_seconds_count")
        points = []
        counts = [0] * len(buckets)
        seconds = 0.0
        for i in range(COUNT):
            for _ in range(draw.randrange(0, 12)):
                value = draw.expovariate(3)
                counts[sum(value > bound for bound in BOUNDS)] += 1
                seconds += value
            for k, series in enumerate(buckets):
                series.points.append((self.times[i], float(sum(counts[: k + 1]))))
            total.points.append((self.times[i], seconds))
            count.points.append((self.times[i], float(sum(counts))))
            fields = {"count": str(sum(counts)), "sum": seconds, "explicitBounds": list(BOUNDS)}
            points.append(self.at(i, bucketCounts=[str(n) for n in counts], **fields))
        self.post({"name": "request_seconds", "histogram": {"dataPoints": points, "aggregationTemporality": 2}})

    def open_metrics(self):
        return "\n".join(line for series in self.series for line in series.open_metrics()) + "\n# EOF\n"


def ask(url, path, parameters):
    """Status and parsed body."""
    try:
        with urllib.request.urlopen(url + path + "?" + urllib.parse.urlencode(parameters), timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Prometheus:
    def __init__(self, folder, text):
        (folder / "series.txt").write_text(text)
        (folder / "prometheus.yml").write_text("{}\n")
        data = folder / "data"
        make_blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "series.txt", data]
        subprocess.run(make_blocks, check=True, stdout=subprocess.DEVNULL)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % probe.getsockname()[1]
        self.url = "http://" + address
        words = ["prometheus", "--config.file=%s" % (folder / "prometheus.yml"), "--storage.tsdb.path=%s" % data]
        words += ["--web.listen-address=" + address, "--storage.tsdb.retention.time=10y", "--log.level=error"]
        self.process = subprocess.Popen(words)
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url + "/-/ready", timeout=5)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("prometheus does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(20)


def same_number(a, b):
    a, b = float(a), float(b)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


def same_points(a, b):
    return len(a) == len(b) and all(x[0] == y[0] and same_number(x[1], y[1]) for x, y in zip(a, b))


def by_labels(result, key):
    return {json.dumps(one["metric"], sort_keys=True): one.get(key) for one in result}


def difference(ours, theirs, ordered):
    """What differs between two answers; empty where nothing does."""
    if ours[0] != theirs[0] or ours[1].get("errorType") != theirs[1].get("errorType"):
        return "%s against %s" % (str(ours)[:300], str(theirs)[:300])
    if ours[0] != 200:
        return ""
    a, b = ours[1]["data"], theirs[1]["data"]
    if a["resultType"] != b["resultType"]:
        return "%s against %s" % (a["resultType"], b["resultType"])
    if a["resultType"] == "string":
        return "" if a["result"] == b["result"] else str((a["result"], b["result"]))
    if a["resultType"] == "scalar":
        return "" if same_points([a["result"]], [b["result"]]) else str((a["result"], b["result"]))
    if ordered and [one["metric"] for one in a["result"]] != [one["metric"] for one in b["result"]]:
        return "another order"
    key = "value" if a["resultType"] == "vector" else "values"
    mine, other = by_labels(a["result"], key), by_labels(b["result"], key)
    if mine.keys() != other.keys():
        return "only one has %s" % sorted(mine.keys() ^ other.keys())[:4]
    for labels in mine:
        pair = mine[labels], other[labels]
        if not same_points(*([[one] for one in pair] if key == "value" else pair)):
            return "%s: %s against %s" % (labels, *(str(one)[:200] for one in pair))
    return ""


def compare(ours, theirs, base):
    same = differ = 0
    # Half a step beside the samples.
    start = base + 600 + 7.5
    for query in QUERIES:
        ordered = query.startswith(("sort", "topk"))
        asked = [("/api/v1/query", {"query": query, "time": start + k * 1020}, ordered) for k in range(3)]
        span = {"start": start, "end": start + 3600, "step": 60}
        asked.append(("/api/v1/query_range", {"query": query, **span}, False))
        asked.append(("/api/v1/query_range", {"query": query, **span, "step": 45}, False))
        for path, parameters, in_order in asked:
            what = difference(ask(ours, path, parameters), ask(theirs, path, parameters), in_order)
            if what:
                differ += 1
                print("%s %s\n    %s" % (path, parameters, what))
            else:
                same += 1
    return same, differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "bin" / "clew", help="the built clew")
    options = parser.parse_args()
    os.environ["CLEW_PROGRAM"] = str(options.program)
    from clew_server import Server

    base = (int(time.time()) - COUNT * STEP - 600) // 3600 * 3600
    data = Data(base)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with Server(folder / "clew") as clew, Prometheus(folder, data.open_metrics()) as prometheus:
            for request in data.requests:
                answer = clew.post("metrics", request)
                if answer.status_code != 200 or answer.json().get("partialSuccess"):
                    raise SystemExit("clew does not take the series: %s" % answer.text)
            same, differ = compare(clew.url, prometheus.url, base)
    print("%d same, %d differ" % (same, differ))
    return 1 if differ or not same else 0


if __name__ == "__main__":
    sys.exit(main())
