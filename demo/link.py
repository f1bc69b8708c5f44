# SPDX-License-Identifier: Apache-2.0
"""The network between two services of the shop: forwards TCP connections, as late and as lossy as a file says.

    link.py SETTINGS NAME=LISTEN:TARGET...

SETTINGS is a JSON file, looked at again twice a second: {"NAME": {"delay_ms": 0, "loss": 0.0, "stall": 0}}. With `stall`
nothing is passed on any more while connections stay open. TCP hides a lost packet
behind a pause until it is sent again, 0.2 s at first and twice as long with each further loss; that is what loss does here."""

import asyncio
import json
import os
import random
import signal
import sys
import time

FIRST_RETRANSMISSION_SECONDS = 0.2


class Weather:
    def __init__(self, path: str):
        self._path = path
        self._looked = 0.0
        self._values: dict[str, dict[str, float]] = {}

    def pause_seconds(self, name: str) -> float:
        if time.monotonic() - self._looked > 0.5:
            self._looked = time.monotonic()
            try:
                with open(self._path, encoding="utf-8") as file:
                    self._values = json.load(file)
            except (FileNotFoundError, ValueError):
                pass
        values = self._values.get(name, {})
        if values.get("stall"):
            return 3600
        pause = values.get("delay_ms", 0) / 1000 * random.uniform(0.8, 1.2)
        wait = FIRST_RETRANSMISSION_SECONDS
        while random.random() < values.get("loss", 0.0) and wait < 4:
            pause += wait
            wait *= 2
        return pause


async def pump(name: str, weather: Weather, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            pause = weather.pause_seconds(name)
            if pause > 0:
                await asyncio.sleep(pause)
            writer.write(chunk)
            await writer.drain()
    except (ConnectionError, OSError):
        pass
    finally:
        writer.close()


async def serve(weather: Weather, name: str, listen: int, target: int) -> asyncio.Server:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(pump(name, weather, reader, far_writer), pump(name, weather, far_reader, writer))

    return await asyncio.start_server(accept, "127.0.0.1", listen)


async def main() -> None:
    weather = Weather(sys.argv[1])
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for pair in sys.argv[2:]:
        name, ports = pair.split("=")
        listen, target = ports.split(":")
        await serve(weather, name, int(listen), int(target))
    await stop.wait()
    os._exit(0)  # connections in flight end with the process


asyncio.run(main())
