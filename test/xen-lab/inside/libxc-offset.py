#!/usr/bin/python3
"""Where libxc's stream begins in a file of `xl save`: libxc-offset.py FILE

xl: 32 bytes of magic, 4 words of which the last is the length of the data behind them. libxl: a header of 16 bytes, and
the 8 of the record LIBXC_CONTEXT.
"""
import struct
import sys

with open(sys.argv[1], "rb") as image:
    optional = struct.unpack("=IIII", image.read(48)[32:])[3]
print(48 + optional + 16 + 8)
