#!/bin/busybox sh
# dom0's initrd: load the disk's driver, and go on from the disk.
/bin/busybox mkdir -p /sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
n=0
while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
mount -t ext4 /dev/vda /newroot || poweroff -f
umount /proc /sys
mount --move /dev /newroot/dev
exec switch_root /newroot /init
