#!/bin/bash
# Builds the guest: OUTDIR/guest.cpio.gz (an initrd with nothing but static programs) and the domains' configurations.
# usage: build.sh OUTDIR [XEN-PRIVCMD.KO]       (gcc, static libc, cpio, gzip)
# The kernel module is what the agent's balloon needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

compile() { # PROGRAM SOURCES…
  local program=$1
  shift
  gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -pthread -o "$root/$program" "${@/#/$here/}" "$here/guest.c"
}
mkdir -p "$root/bin" "$root/dev" "$root/lib"
compile init init.c
compile bin/pattern pattern.c
compile bin/agent agent.c scribble.c balloon.c refuse-suspend.c
[ $# -lt 2 ] || cp "$2" "$root/lib/xen-privcmd.ko"
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet | gzip -n -9) > "$out/guest.cpio.gz"
cp "$here"/pv.cfg "$here"/pvh.cfg "$out/"
