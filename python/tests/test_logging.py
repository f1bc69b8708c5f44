# SPDX-License-Identifier: Apache-2.0
import json
import re

# A span runs while `with running():` does.
SPAN = """
import contextlib, io, json, logging, logging.handlers, queue, sys
from clew import _native

@contextlib.contextmanager
def running():
    span = _native.start_span("work", None, 1, None, None, None, ("test", "", ""))
    token = _native.context_attach(span)
    try:
        yield span
    finally:
        _native.context_detach(token)
        span.end()

def ids(span):
    _, trace_id, span_id, _ = span.traceparent.split("-")
    return " trace_id=%s span_id=%s" % (trace_id, span_id)
"""


def lines_of(agent, code, **environment):
    out, _ = agent.run(SPAN + code, **environment)
    return out.splitlines()


def test_text_lines_carry_ids_before_the_traceback(agent):
    lines = lines_of(
        agent,
        """
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
logging.info("outside")
with running() as span:
    print(ids(span))
    logging.info("inside %d", 1)
    logging.info("häßlich \\u4e16\\U0001f600")
    logging.info("two\\nlines")
    logging.info("had it" + ids(span))
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("failed")
""",
    )
    assert lines[0] == "INFO outside"
    ids = lines[1]
    assert lines[2] == "INFO inside 1" + ids
    assert lines[3] == "INFO häßlich 世😀" + ids
    assert lines[4:6] == ["INFO two" + ids, "lines"]
    assert lines[6] == "INFO had it" + ids
    assert lines[7] == "ERROR failed" + ids and lines[8].startswith("Traceback")
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_json_lines_get_two_keys(agent):
    lines = lines_of(
        agent,
        """
from pythonjsonlogger.json import JsonFormatter
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JsonFormatter())
logging.getLogger().addHandler(handler)
plain = logging.StreamHandler(sys.stdout)
plain.setFormatter(logging.Formatter("%(message)s"))
raw = logging.getLogger("raw")
raw.propagate = False
raw.addHandler(plain)
with running() as span:
    print(ids(span))
    logging.warning("hello", extra={"user": "u1"})
    for text in ("{}", '{"a": [1, {"b": null}]} ', '{"trace_id": null, "x": 1}', "{not json}", '{"a": 1} {"b": 2}',
                 '{\\n  "a": NaN\\n}', '{"trace_id": "", "span_id": ""}'):
        raw.warning(text)
""",
    )
    match = re.fullmatch(r" trace_id=(\w+) span_id=(\w+)", lines[0])
    trace_id, span_id = match.groups()
    first = json.loads(lines[1])
    assert first == {"message": "hello", "user": "u1", "trace_id": trace_id, "span_id": span_id}
    assert json.loads(lines[2]) == {"trace_id": trace_id, "span_id": span_id}
    assert json.loads(lines[3])["span_id"] == span_id
    assert lines[4] == '{"trace_id": null, "x": 1, "span_id": "%s"}' % span_id
    assert lines[5] == "{not json}" + lines[0]
    assert lines[6] == '{"a": 1} {"b": 2}' + lines[0]
    assert json.loads("".join(lines[7:10]))["trace_id"] == trace_id
    assert lines[10] == '{"trace_id": "", "span_id": ""}'


def test_queues_and_buffers_keep_the_ids_of_where_it_was_logged(agent):
    lines = lines_of(
        agent,
        """
target = logging.StreamHandler(sys.stdout)
target.setFormatter(logging.Formatter("%(message)s"))
records = queue.Queue()
class Passing(logging.handlers.QueueHandler):
    def prepare(self, record):
        return record
memory = logging.handlers.MemoryHandler(100, flushLevel=100, target=target)
for number, handler in enumerate((logging.handlers.QueueHandler(records), Passing(records), memory)):
    logger = logging.getLogger("l%d" % number)
    logger.propagate = False
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.info("none")
    with running() as span:
        print(ids(span))
        logger.info("some\\nmore")
listener = logging.handlers.QueueListener(records, target)
with running() as another:
    listener.start()
    listener.stop()
    memory.flush()
""",
    )
    queue_ids, passing_ids, memory_ids = lines[:3]
    assert lines[3:] == [
        "none", "some" + queue_ids, "more",
        "none", "some" + passing_ids, "more",
        "none", "some" + memory_ids, "more",
    ]  # fmt: skip


def test_switches(agent):
    code = """
named = logging.StreamHandler(sys.stdout)
named.set_name("plain")
class Special(logging.StreamHandler):
    pass
logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[named, Special(sys.stdout)])
with running() as span:
    logging.info("x")
"""
    assert lines_of(agent, code, CLEW_LOG_IDS="off") == ["x", "x"]
    assert lines_of(agent, code, CLEW_LOG_IDS_SKIP="plain, Special") == ["x", "x"]
    lines = lines_of(agent, code, CLEW_LOG_IDS_SKIP="Special")
    assert lines[0].startswith("x trace_id=") and lines[1] == "x"


def test_records_are_exported(agent):
    agent.run(
        SPAN
        + """
log = logging.getLogger("shop.orders")
log.setLevel(1)
log.addHandler(logging.NullHandler())
class Odd:
    def __str__(self):
        log.info("nested")
        return "odd"
def work():
    log.debug("debug %s", 1)
    log.warning({"kind": "dict", "list": [1, 2.5, None, True]})
    log.info("extra", extra={"user": "u1", "count": 3, "odd": Odd(), "_private": 1})
    try:
        raise KeyError("k")
    except KeyError:
        log.error("failed", exc_info=True)
    log.info("bad %d", "format")
    log.log(5, "trace")
    log.critical("é" * 100000)
    log.info("lone \\ud800 surrogate")
logging.raiseExceptions = False
with running():
    work()
logging.getLogger("quiet").setLevel(logging.ERROR)
logging.getLogger("quiet").info("not this")
"""
    )
    records = agent.drain()
    (span,) = [r for r in records if r["type"] == "span"]
    logs = [r for r in records if r["type"] == "log"]
    assert {r["span_id"] for r in logs} == {span["span_id"]}
    assert {r["scope"] for r in logs} == {"shop.orders"}
    by_body = {str(r["body"])[:20]: r for r in logs}
    debug = by_body["debug 1"]
    assert (debug["severity"], debug["severity_text"]) == (5, "DEBUG")
    assert debug["attributes"]["code.function.name"] == "work"
    assert debug["attributes"]["code.file.path"].endswith("script.py")
    assert debug["attributes"]["code.line.number"] > 20
    assert abs(debug["time_unix"] / 1e9 - __import__("time").time()) < 60
    assert logs[1]["body"] == {"kind": "dict", "list": [1, 2.5, None, True]} and logs[1]["severity"] == 13
    extra = by_body["extra"]["attributes"]
    assert (extra["user"], extra["count"], extra["odd"]) == ("u1", 3, "odd") and "_private" not in extra
    assert "nested" in by_body
    failed = by_body["failed"]
    assert failed["severity"] == 17 and failed["attributes"]["exception.type"] == "KeyError"
    assert failed["attributes"]["exception.message"] == "'k'"
    assert failed["attributes"]["exception.stacktrace"].startswith("Traceback")
    assert "bad %d" in by_body
    assert by_body["trace"]["severity"] == 1
    long = by_body["é" * 20]
    assert long["truncated"] and not debug["truncated"]
    assert long["severity"] == 21 and 20000 < len(long["body"]) < 40000 and "code.line.number" in long["attributes"]
    assert "lone ? surrogate" in by_body
    assert len(logs) == 9


def test_exception_is_formatted_once_and_exported_if_nobody_formats(agent):
    agent.run(
        SPAN
        + """
log = logging.getLogger("x")
log.addHandler(logging.NullHandler())
log.propagate = False
try:
    raise ValueError("v")
except ValueError:
    log.exception("no formatter")
"""
    )
    (log,) = agent.drain()
    assert "ValueError: v" in log["attributes"]["exception.stacktrace"]
