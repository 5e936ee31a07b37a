#!/bin/bash
# dom0's first process: bring up what Xen's toolstack needs and sshd, say so on the console, and reap orphans.
# Kernel arguments: xenferry.host=N (N = 1, 2: its address is 192.168.77.N), xenferry.cache=MODE (9p's cache mode),
# xenferry.share=TAG:PATH (a folder of the host, and where it is to be seen; as often as wanted).
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

arguments() { tr ' ' '\n' < /proc/cmdline | sed -n "s/^xenferry\.$1=//p"; }

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666 pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -o remount,rw / 2>/dev/null

host=$(arguments host)
hostname "dom0-${host:-1}"
modprobe -a virtio_net 9pnet_virtio 9p
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up
[ -e /sys/class/net/eth1 ] && ip addr add "192.168.77.${host:-1}/24" dev eth1 && ip link set eth1 up

mount_9p() { mkdir -p "$2" && mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,cache=$(arguments cache)$3" "$1" "$2"; }
mount_9p xenferry /xenferry ,ro || echo "xen-lab: cannot mount the repository"
for share in $(arguments share); do mount_9p "${share%%:*}" "${share#*:}" "" || echo "xen-lab: cannot mount $share"; done

modprobe -a xenfs xen-privcmd xen-evtchn xen-gntdev xen-gntalloc
mount -t xenfs xenfs /proc/xen
mkdir -p /run/xen /run/sshd /var/log/xen/console /var/lib/xen
xen=$(echo /usr/lib/xen-4.*/bin)
"$xen/xenstored" --pid-file /run/xenstored.pid
until xenstore-ls / >/dev/null 2>&1; do sleep 0.1; done
"$xen/xen-init-dom0"
"$xen/xenconsoled" --log=guest --pid-file=/run/xenconsoled.pid
/usr/sbin/sshd
echo "xen-lab: ready"
while true; do wait; sleep 3600 & wait $!; done
