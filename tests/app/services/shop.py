# SPDX-License-Identifier: Apache-2.0
"""A plain Flask service, as any team writes it."""

import logging
import os
import time

from flask import Flask

app = Flask(__name__)
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")


@app.get("/ready")
def ready():
    return "ok"


@app.get("/pid")
def pid():
    return str(os.getpid()), {"Content-Type": "application/json"}


@app.get("/hello/<name>")
def hello(name):
    app.logger.info("hello %s", name)
    return f"hello {name}\n"


@app.get("/slow/<float:seconds>")
def slow(seconds):
    app.logger.info("slow begins")
    time.sleep(seconds)
    return "done\n"


@app.get("/boom")
def boom():
    raise RuntimeError("boom")


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
