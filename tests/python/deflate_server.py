"""A WebSocket server by the PyPI package `websockets` that compresses as it is told: deflate_server.py JSON

JSON holds the arguments of its ServerPerMessageDeflateFactory, or null for no compression. Listens on a free port of
127.0.0.1 and prints it. At /judge it sends messages and wants each back; at /tell it takes messages until one says `done`.
Either way it closes with 1000 and what it saw, or with 4000 and what was wrong.
"""

import asyncio
import hashlib
import json
import sys

from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

MESSAGES = [
    "Hello",
    "Hello",
    "",
    "今からこれふぁぼります " * 3000,
    bytes((n * n * 31 + (n >> 3)) & 255 for n in range(20000)),
    b"\7" * 70000,
    ["Hel", "", "lo"],
    "Hello",
]


async def judge(socket):
    for number, message in enumerate(MESSAGES):
        await socket.send(message)
        wanted = "".join(message) if isinstance(message, list) else message
        if await socket.recv() != wanted:
            return await socket.close(4000, f"message {number} came back as something else")
    await socket.close(1000, f"{len(MESSAGES)} messages came back")


async def tell(socket):
    digest, count = hashlib.sha1(), 0
    while (message := await socket.recv()) != "done":
        count += 1
        is_text = isinstance(message, str)
        digest.update(b"text" + message.encode() if is_text else b"binary" + message)
    await socket.close(1000, f"{count} {digest.hexdigest()}")


async def talk(socket):
    await (judge if socket.request.path == "/judge" else tell)(socket)


async def main():
    settings = json.loads(sys.argv[1])
    extensions = [] if settings is None else [ServerPerMessageDeflateFactory(**settings)]
    async with serve(talk, "127.0.0.1", 0, compression=None, extensions=extensions) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
