# The fuzzing server of Autobahn|Testsuite, on loopback alone: server.py REPORTS [CASE ...]
#
# Prints its port, then a line for each case that begins. `wstest` itself listens on every address, whatever its file
# says, so its factory is put on a socket that is already bound. Cases are named as in the suite: 1.*, 9.1.3; a name
# behind a `-` is left out. Needs Python 2.7, as the suite does.
from __future__ import print_function

import binascii
import socket
import sys

from autobahntestsuite import choosereactor  # noqa: F401: must come before anything else of Twisted
from autobahntestsuite import fuzzing
from twisted.internet import reactor

reports, names = sys.argv[1], sys.argv[2:]
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.setblocking(False)
listener.listen(50)
port = listener.getsockname()[1]

# Reports show payloads in hexadecimal, whatever they are: as text, encoded surrogates look like what they pair up to.
fuzzing.asciiLogData = lambda data, maxlen=64, replace=False: "0x" + binascii.b2a_hex(data[:maxlen])

factory = fuzzing.FuzzingServerFactory({
    "url": "ws://127.0.0.1:%d" % port,
    "outdir": reports,
    "cases": [name for name in names if not name.startswith("-")] or ["*"],
    "exclude-cases": [name[1:] for name in names if name.startswith("-")],
    "exclude-agent-cases": {},
})
reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, factory)
listener.close()
print("port %d" % port)
sys.stdout.flush()
reactor.run()
