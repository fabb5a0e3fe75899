"""Somebody who stands between two machines, with the certificates of both: what one asks the other
passes by in the clear, can be counted, and comes out as the test likes. So it is shown what becomes of
what a broken machine sends; the link itself lets nobody in between."""

import collections
import http.server
import threading

from pollux_world import *

CHUNKS = "/link/v1/chunks"
SALVAGE = "/link/v1/salvage"


class Between:
    """Made before `caller` starts. `before(path)` is called before a question goes on, and
    `spoil(path, body)` returns the answer as it goes on."""

    def __init__(self, world, caller, called):
        self.world, self.caller, self.called = world, caller, called
        self.before = lambda path: None
        self.spoil = lambda path, body: body
        self.asked = []  # (path, body)
        self.answered = collections.Counter()  # (path, status)
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            further = None

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.further = self.further or between.connection()
                between.asked.append((self.path, body))
                between.before(self.path)
                self.further.request("POST", self.path, body,
                                     {"Content-Type": self.headers["Content-Type"]})
                answer = self.further.getresponse()
                text = answer.read()
                between.answered[self.path, answer.status] += 1
                text = between.spoil(self.path, text)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type"))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # whoever called went away

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, self.pair(called)))
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        world.at_the_end.append(self.end)
        library = BIN.parent / "test/system/libcall-via.so"
        assert library.exists(), library
        world[caller].before = [
            *world[caller].before, "env", f"LD_PRELOAD={library}",
            f"CALL_VIA={world[called].port}:{self.server.server_address[1]}",
            "ASAN_OPTIONS=verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")]

    def pair(self, pool):
        return (self.world.folder / f"pki/{name_of(pool)}.pem",
                self.world.folder / f"pki/{name_of(pool)}.key")

    def connection(self):
        """To the one that is called, as the other one."""
        return LinkConnection(self.world[self.called],
                              tls(self.world.folder / "pki/authority.pem", *self.pair(self.caller)))

    def bodies(self, path):
        return [body for asked, body in self.asked if asked == path]

    def end(self):
        self.server.shutdown()
        self.server.server_close()
