/*
 * Gives single pages back to the hypervisor, as a balloon driver does, but pages of this program: a hypercall through the
 * privcmd driver, whose module is in the initrd. For a PVH domain only: the frames of a PV domain are in its kernel's
 * page tables and P2M, which a program cannot keep in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

#define MODULE "/lib/xen-privcmd.ko"
/* The driver otherwise lets a domU's programs reach nothing but the domain they are the device model of. */
#define MODULE_OPTIONS "unrestricted=1"
#define PRIVCMD "/dev/xen/privcmd"

/* linux/include/uapi/xen/privcmd.h */
struct privcmd_hypercall {
  uint64_t op, arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

/* xen/include/public/{xen,memory}.h */
#define HYPERVISOR_memory_op 12
#define XENMEM_decrease_reservation 1
#define DOMID_SELF 0x7ff0
struct memory_reservation {
  const uint64_t *extents;
  uint64_t count;
  uint32_t order, flags;
  uint16_t domid;
};

static int open_privcmd(void) {
  int fd = open(PRIVCMD, O_RDWR), module;

  if (fd >= 0) return fd;
  module = open(MODULE, O_RDONLY);
  if (module < 0) return -1;
  if (syscall(SYS_finit_module, module, MODULE_OPTIONS, 0) && errno != EEXIST) return -1;
  close(module);
  return open(PRIVCMD, O_RDWR);
}

const char *balloon_out(const struct set *set) {
  static uint64_t frames[SET_MAX];
  struct memory_reservation reservation = {frames, set->count, 0, 0, DOMID_SELF};
  struct privcmd_hypercall call = {HYPERVISOR_memory_op, {XENMEM_decrease_reservation, (uintptr_t)&reservation}};
  int fd = open_privcmd();
  long done;

  if (fd < 0) return PRIVCMD;
  for (size_t i = 0; i < set->count; i++) frames[i] = set->pages[i]->frame;
  done = ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &call);
  close(fd);
  if (done == (long)set->count) return NULL;
  if (done >= 0) errno = EBUSY; /* some page is in use elsewhere */
  return "XENMEM_decrease_reservation";
}
