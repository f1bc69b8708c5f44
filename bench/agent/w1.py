# SPDX-License-Identifier: Apache-2.0
"""W1: added CPU of a Flask request with a JSON answer and one log line, all three signals recorded.

Compares bare, Clew and opentelemetry-python (contrib's Flask and logging instrumentations, OTLP http/protobuf) in
interleaved processes whose order turns every round. What Clew adds is less than what two processes differ by, so it is
measured within one as well, the hooks in and out block by block, and that figure makes the ratio. Void (exit 1) unless every
span and log of both arrived. With --clew the service runs under that program and exports to the same sink; without, the
records are taken by clew_record_dump of the build, which leaves the drainer's own work out (the worker's is the same).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Lines:
    """A program that answers lines with lines."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()

    def ask(self, line):
        with self.lock:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Dump:
    """clew_record_dump, asked for what has come every 20 ms."""

    def __init__(self, program):
        self.lines = Lines([program])
        self.attach = json.loads(self.lines.process.stdout.readline())["attach"]
        self.counts = {"spans": 0, "logs": 0, "dropped": 0, "broken": 0}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.drain)
        self.thread.start()

    def drain(self):
        while True:
            ended = self.ended.is_set()
            answer = self.lines.ask("count")
            for key in ("spans", "logs"):
                self.counts[key] += answer[key]
            for key in ("dropped", "broken"):
                self.counts[key] = answer[key]
            if ended:
                return
            self.ended.wait(0.02)

    def close(self):
        self.ended.set()
        self.thread.join()
        self.lines.close()


def python_with_peer(folder):
    """A virtual environment with the peer in a cache folder, made once."""
    python = os.path.join(folder, "bin", "python")
    stamp = os.path.join(folder, "requirements.txt")
    wanted = open(os.path.join(HERE, "requirements.txt")).read()
    if not os.path.exists(stamp) or open(stamp).read() != wanted:
        print("making", folder, file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", os.path.join(HERE, "requirements.txt")], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)
    return python


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CLEW_", "PYTHONPATH"))}
    return {**clean, "PYTHONHASHSEED": "0", **more}


class Bench:
    def __init__(self, options):
        self.options = options
        self.python = python_with_peer(options.venv)
        self.sink = Lines([self.python, os.path.join(HERE, "sink.py")])
        self.port = self.sink.process.stdout.readline().strip()
        self.problems = []

    def worker(self, *more):
        return [self.python, os.path.join(HERE, "worker.py"), "--requests", str(self.options.requests), *more]

    def run(self, command, env):
        if self.options.pin:
            command = ["taskset", "-c", "1", *command]
        result = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(result.stdout.splitlines()[-1])

    def expect(self, who, counts, requests):
        for key in ("spans", "logs"):
            if counts[key] != requests + 200:
                self.problems.append("%s: %d %s of %d" % (who, counts[key], key, requests + 200))

    def bare(self):
        return self.run(self.worker(), environment())

    def otlp(self):
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:" + self.port,
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
            "OTEL_BSP_MAX_QUEUE_SIZE": "200000",
            "OTEL_BLRP_MAX_QUEUE_SIZE": "200000",
        }

    def opentelemetry(self):
        self.sink.ask("")
        answer = self.run(self.worker("--opentelemetry"), environment(**self.otlp()))
        counts = self.sink.ask("")
        self.expect("opentelemetry-python", counts, self.options.requests)
        return answer

    def clew(self, *more):
        if self.options.clew:
            self.sink.ask("")
            answer = self.run([self.options.clew, "run", "--", *self.worker(*more)], environment(**self.otlp()))
            time.sleep(0.2)
            self.expect("clew", self.sink.ask(""), answer.get("recorded", self.options.requests))
            return answer
        dump = Dump(os.path.join(self.options.build, "clew/agent/record/clew_record_dump"))
        try:
            prefix = os.path.join(self.options.build, "lib/clew/python")
            answer = self.run(self.worker(*more), environment(CLEW_ATTACH=dump.attach, PYTHONPATH=prefix))
        finally:
            dump.close()
        self.expect("clew", dump.counts, answer.get("recorded", self.options.requests))
        return answer

    def clew_paired(self):
        return self.clew("--paired")["added"]


def import_times(bench):
    """CPU milliseconds that the injected code adds to a process that does nothing."""
    dump = Dump(os.path.join(bench.options.build, "clew/agent/record/clew_record_dump"))
    times = {"bare": [], "clew": []}
    with_clew = environment(CLEW_ATTACH=dump.attach, PYTHONPATH=os.path.join(bench.options.build, "lib/clew/python"))
    command = [bench.python, "-c", "import logging"]
    try:
        for _ in range(15):
            for name, env in (("bare", environment()), ("clew", with_clew)):
                pid = os.posix_spawn(command[0], command, env)
                _, status, usage = os.wait4(pid, 0)
                if status != 0:
                    bench.problems.append("import: status %d" % status)
                times[name].append((usage.ru_utime + usage.ru_stime) * 1e3)
    finally:
        dump.close()
    return statistics.median(times["clew"]) - statistics.median(times["bare"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"))
    parser.add_argument("--clew", help="the program clew, to run the service under it")
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pin", action="store_true", help="workers on the second core only")
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    parser.add_argument("--venv", default=os.path.join(cache, "clew/bench-agent"))
    bench = Bench(parser.parse_args())
    variants = [("bare", bench.bare), ("clew", bench.clew), ("opentelemetry-python", bench.opentelemetry)]
    answers = {name: [] for name, _ in variants}
    paired = []
    for number in range(bench.options.rounds):
        for name, run in variants if number % 2 == 0 else reversed(variants):
            answers[name].append(run())
        paired.append(bench.clew_paired())
    per_request = bench.options.requests / 1e6
    cpu = {name: statistics.median(a["cpu"] for a in rows) / per_request for name, rows in answers.items()}
    p999 = {name: statistics.median(a["p999"] for a in rows) / 1e3 for name, rows in answers.items()}
    added = {name: cpu[name] - cpu["bare"] for name in ("clew", "opentelemetry-python")}
    print("W1, %d requests, medians of %d interleaved rounds" % (bench.options.requests, bench.options.rounds))
    print("bare request            %7.1f us CPU, p99.9 %7.0f us" % (cpu["bare"], p999["bare"]))
    for name in ("clew", "opentelemetry-python"):
        print("%-20s +%9.1f us CPU, p99.9 %7.0f us" % (name, added[name], p999[name]))
    within = statistics.median(paired) * 1e6
    print("clew, within a process +%7.1f us CPU" % within)
    print("ratio of added CPU, opentelemetry-python / clew: %.1f" % (added["opentelemetry-python"] / within))
    pairs = [c["p999"] / b["p999"] for c, b in zip(answers["clew"], answers["bare"])]
    print("p99.9 of clew / bare, median of %d pairs: %.2f" % (len(pairs), statistics.median(pairs)))
    print("import: %.1f ms CPU" % import_times(bench))
    bench.sink.close()
    for problem in bench.problems:
        print("void:", problem, file=sys.stderr)
    sys.exit(1 if bench.problems else 0)


if __name__ == "__main__":
    main()
