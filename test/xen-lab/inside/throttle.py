#!/usr/bin/env python3
"""throttle.py BYTES_PER_SECOND COMMAND...: runs the command, and lets its standard input have so many bytes a second."""
import os
import subprocess
import sys
import time

CHUNK = 64 << 10
# What a link that was idle may make up for.
BURST_S = 0.05


def main():
    rate = float(sys.argv[1])
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE)
    due = time.monotonic()
    while True:
        data = os.read(0, CHUNK)
        if not data:
            break
        now = time.monotonic()
        due = max(due, now - BURST_S) + len(data) / rate
        if due > now:
            time.sleep(due - now)
        try:
            child.stdin.write(data)
            child.stdin.flush()
        except BrokenPipeError:
            break
    try:
        child.stdin.close()
    except BrokenPipeError:
        pass
    sys.exit(child.wait())


main()
