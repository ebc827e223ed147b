#!/usr/bin/env python3
"""The judge of smuggling.py finds what it is there for: a proxy that takes two requests for one.

usage: test_smuggling.py BINARY
"""
import os
import socket
import sys
import threading
import unittest

sys.dont_write_bytecode = True

from gateway import Gateway
from smuggling import Target, attempt
from wire import PATIENCE_S, Wrong, take_answer


class Leaky:
    """A proxy with one connection to the gateway, that takes whatever a client sends for one request."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.upstream = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.received = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                self.upstream.sendall(client.recv(65536))
                client.sendall(self._next_answer())

    def _next_answer(self):
        while True:
            answer, rest = take_answer(self.received)
            if answer:
                data, self.received = self.received[:len(self.received) - len(rest)], rest
                return data
            self.received += self.upstream.recv(65536)

    def close(self):
        self.listener.close()
        self.upstream.close()


class Judge(unittest.TestCase):
    def setUp(self):
        self.gateway = Gateway(os.path.abspath(BINARY), GATEWAY_LOG_LEVEL="debug")
        self.proxy = Leaky(self.gateway.address[1])

    def tearDown(self):
        self.proxy.close()
        self.assertEqual(self.gateway.stop(), [])

    def attempt(self, case, port):
        target = Target(self.gateway.address[1], port, self.gateway.log_path)
        return attempt(target, case, [target.create() for _ in range(3)])

    def test_two_requests_taken_for_one_are_found(self):
        with self.assertRaises(Wrong):
            self.attempt("two requests, well-formed", self.proxy.port)

    def test_two_requests_taken_for_two_are_not(self):
        _, inner, _, _ = self.attempt("two requests, well-formed", self.gateway.address[1])
        self.assertEqual(inner, 1)

    def test_one_request_taken_for_one_is_not(self):
        _, inner, _, _ = self.attempt("a body of a length", self.proxy.port)
        self.assertEqual(inner, 0)


if __name__ == "__main__":
    BINARY = sys.argv.pop()
    unittest.main()
