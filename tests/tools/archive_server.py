#!/usr/bin/env python3
"""An archive on loopback that misbehaves on purpose, for fetch_test.cpp.

archive_server.py FOLDER PORT_FILE LOG_FILE
Serves FOLDER. Writes its port to PORT_FILE, and a line of JSON for each request to LOG_FILE: method, path, range, status,
bytes of the body that were sent, whether credentials came, and how many requests were being answered. What a path's first folder says is done to its files:
  plain, drop (the first three bodies of a file end in the middle), short (half of the file, said to be all of it), busy (503 twice), always-busy, forbidden, private (wants me:secret), hop (redirects to plain), away
  (redirects to private on localhost, another host than 127.0.0.1), loop, no-range (ignores ranges, drops once), over (416 to
  ranges), wrong-range (a range begins a byte late), moving (another ETag for each request; drops once), endless (no length,
  closes), slow (a block at a time).
Ends when its standard input does, so that it never outlives the test.
"""
import collections
import hashlib
import http.server
import json
import os
import sys
import threading
import time

folder, port_file, log_file = sys.argv[1:]
seen = collections.Counter()
at_once = 0
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.counted(send=False)

    def do_GET(self):
        self.counted(send=True)

    def counted(self, send):
        global at_once
        with lock:
            at_once += 1
        self.at_once = at_once
        self.answer(send)
        with lock:
            at_once -= 1

    def log_message(self, *words):
        pass

    def empty(self, status, **headers):
        self.log(status, 0)  # before the client can ask for the next
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log(self, status, sent):
        with lock, open(log_file, "a") as log:
            json.dump({"method": self.command, "path": self.path, "range": self.headers.get("Range"), "status": status,
                       "sent": sent, "credentials": "Authorization" in self.headers, "at_once": self.at_once}, log)
            log.write("\n")

    def answer(self, send):
        kind, _, name = self.path.lstrip("/").partition("/")
        with lock:
            seen[self.path] += send
            time_seen = seen[self.path]
        if kind == "always-busy" or (kind == "busy" and time_seen <= 2 and send):
            return self.empty(503, Retry_After="0")
        if kind == "forbidden":
            return self.empty(403)
        if kind == "private" and self.headers.get("Authorization") != "Basic bWU6c2VjcmV0":
            return self.empty(401, WWW_Authenticate='Basic realm="archive"')
        if kind == "hop":
            return self.empty(302, Location="/plain/" + name)
        if kind == "away":
            return self.empty(302, Location=f"http://localhost:{self.server.server_port}/private/" + name)
        if kind == "loop":
            return self.empty(301, Location=self.path)
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            body = "".join(f'<a href="{entry}">' for entry in sorted(os.listdir(path))).encode()
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                body = file.read()
        else:
            return self.empty(404)
        self.body(kind, body, time_seen, send)

    def body(self, kind, body, time_seen, send):
        etag = '"' + hashlib.md5(body + (bytes([time_seen]) if kind == "moving" else b"")).hexdigest() + '"'
        wanted = self.headers.get("Range")
        if wanted and (kind == "no-range" or self.headers.get("If-Range") != etag):
            wanted = None
        begin = int(wanted[len("bytes="):-1]) if wanted else 0
        if wanted and (kind == "over" or begin >= len(body)):
            return self.empty(416, Content_Range=f"bytes */{len(body)}")
        if wanted and kind == "wrong-range":
            begin += 1
        rest = body[begin:]
        drops = {"drop": 3, "no-range": 1, "over": 1, "wrong-range": 1, "moving": 1}.get(kind, 0)
        cut = len(rest) // 2 if time_seen <= drops and send else len(rest)
        if kind == "short":
            rest = rest[:len(rest) // 2]
            cut = len(rest)
        self.send_response(206 if wanted else 200)
        self.send_header("ETag", etag)
        if wanted:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        if kind != "endless":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if not send:
            return self.log(200, 0)
        sent = 0
        try:
            for at in range(0, cut, 8192):
                self.wfile.write(rest[at:min(at + 8192, cut)])
                sent += len(rest[at:min(at + 8192, cut)])
                if kind == "slow":
                    time.sleep(0.005)
        except OSError:
            pass
        self.log(206 if wanted else 200, sent)
        if cut < len(rest) or kind == "endless":
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *of):
        """Clients that were killed are no news here."""


server = Server(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as out:
    out.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
