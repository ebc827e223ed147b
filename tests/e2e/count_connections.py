"""Passes TCP connections on and counts them: count_connections.py TARGET_PORT COUNT_FILE.

Listens on a free port of 127.0.0.1, prints it, and adds a byte to COUNT_FILE for each connection that
it accepts, before anything is passed on.
"""

import socket
import sys
import threading


def pump(source, sink):
    """Passes on what comes, and the end of it; a broken sink must not break the way back."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def pass_on(client, port):
    with client:
        try:
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            return
        with server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()


def main():
    port, count_file = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    with open(count_file, "ab", buffering=0) as count:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            count.write(b"+")
            threading.Thread(target=pass_on, args=(client, port), daemon=True).start()


main()
