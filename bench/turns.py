#!/usr/bin/env python3
"""Load clients that take turns on one server, counted by the server.

    bench/turns.py PORTS SERVER_PIDS NAME=COMMAND...

Starts every client in the order given and stops it (SIGSTOP) after two seconds, in which it is to connect and to fill its
keys; then lets one at a time run, TURNS times each in an order drawn anew each time. One that ends, or has nothing done in a
turn, ends it all. So all clients meet the same server in the same minute, and whatever
else the machine does meets all of them. Operations are counted by the servers (INFO, summed over PORTS, both lists
separated by commas), CPU by the kernel: no client's own figures are believed.

Prints a line a client: its name, operations a second, microseconds of its CPU an operation, and the share of a processor
that the busiest server used.
"""

import os
import random
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import time

TURNS = int(os.environ.get("TURNS", "8"))
TURN = float(os.environ.get("TURN", "0.25"))  # seconds
WARM_UP = 2.0  # seconds in which a client gets its connections and its keys
SETTLE = 0.05  # seconds after a client goes on, not counted


def commands(connection):
    """How many commands this server has processed."""
    connection.sendall(b"INFO stats\r\n")
    answer = b""
    while b"total_commands_processed:" not in answer or not answer.endswith(b"\r\n"):
        answer += connection.recv(65536)
    return int(answer.split(b"total_commands_processed:")[1].split(b"\r\n")[0])


def cpu(pid):
    """Seconds of CPU that the threads of this process have used."""
    used = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                used += int(file.read().split()[0])
        except FileNotFoundError:  # it has just ended
            pass
    return used / 1e9


def main():
    ports, servers, clients = sys.argv[1].split(","), sys.argv[2].split(","), sys.argv[3:]
    connections = [socket.create_connection(("127.0.0.1", int(port))) for port in ports]

    def look(client):
        processed = sum(commands(connection) for connection in connections)
        return time.monotonic(), processed, cpu(client), [cpu(pid) for pid in servers]

    # A stopped client would outlive its parent for ever.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    started, seen = {}, {}
    try:
        for client in clients:
            name, command = client.split("=", 1)
            started[name] = subprocess.Popen(
                shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            seen[name] = []
            time.sleep(WARM_UP)
            if started[name].poll() is not None:
                sys.exit(f"{name} ended at once: {command}")
            started[name].send_signal(signal.SIGSTOP)
        for _ in range(TURNS):
            for name in random.sample(list(started), len(started)):
                client = started[name]
                client.send_signal(signal.SIGCONT)
                time.sleep(SETTLE)
                begun, before, used, busy = look(client.pid)
                time.sleep(TURN)
                ended, after, used_after, busy_after = look(client.pid)
                client.send_signal(signal.SIGSTOP)
                time.sleep(SETTLE)
                took, done = ended - begun, after - before
                if done <= len(ports):  # the looks themselves
                    sys.exit(f"{name} had nothing done in a turn")
                share = max(b - a for a, b in zip(busy, busy_after)) / took
                seen[name].append((done / took, (used_after - used) / done * 1e6, share))
            for name, client in started.items():
                if client.poll() is not None:
                    sys.exit(f"{name} ended before its turns were over")
    finally:
        for client in started.values():
            client.kill()
            client.wait()
    for name, turns in seen.items():
        print(name, *(round(statistics.median(values), 3) for values in zip(*turns)))


main()
