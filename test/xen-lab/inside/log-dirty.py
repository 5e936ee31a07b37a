#!/usr/bin/python3
"""Log-dirty mode of a domain, through libxenctrl and nothing of ours: log-dirty.py (state|on|off) DOMID.

`state` prints on or off. Xen does not tell; but switching it on fails with EINVAL where it is on already.
"""
import ctypes
import ctypes.util
import errno
import glob
import sys

OFF, ENABLE_LOGDIRTY = 0, 2


def main():
    what, domid = sys.argv[1], int(sys.argv[2])
    xc = ctypes.CDLL(glob.glob("/usr/lib/x86_64-linux-gnu/libxenctrl.so.4.*")[0], use_errno=True)
    xc.xc_interface_open.restype = ctypes.c_void_p
    xc.xc_interface_open.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
    # As of Xen 4.16: (handle, domid, op, size in MiB, mode)
    xc.xc_shadow_control.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint, ctypes.c_void_p, ctypes.c_uint]
    handle = xc.xc_interface_open(None, None, 0)
    if not handle:
        sys.exit("cannot open libxenctrl: errno %d" % ctypes.get_errno())

    def control(op):
        return ctypes.get_errno() if xc.xc_shadow_control(handle, domid, op, None, 0) < 0 else 0

    if what == "on":
        sys.exit(control(ENABLE_LOGDIRTY))
    if what == "off":
        sys.exit(control(OFF))
    error = control(ENABLE_LOGDIRTY)
    if error == 0:
        error = control(OFF)
        print("off")
    elif error == errno.EINVAL:
        print("on")
        error = 0
    elif error == errno.EOPNOTSUPP:
        print("off")
        error = 0
    sys.exit(error)


main()
