/*
 * A kernel that cannot suspend: before it does it freezes all tasks, and one that waits for a page which a userfaultfd
 * never brings, while the kernel itself reads that page, cannot be frozen. The kernel gives up after pm_freeze_timeout and
 * thaws the others; it has taken the request and the domain never suspends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

#define FREEZE_TIMEOUT "/sys/power/pm_freeze_timeout"
#define FREEZE_TIMEOUT_MS 500
#define NICE_MAX 19

static int fault_fd;

static void *missing_page(void) {
  int fd = fault_fd = syscall(SYS_userfaultfd, O_CLOEXEC);
  void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register missing = {.range = {(uintptr_t)page, PAGE_BYTES}, .mode = UFFDIO_REGISTER_MODE_MISSING};

  if (fd < 0 || page == MAP_FAILED) die("userfaultfd");
  if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &missing)) die("userfaultfd");
  return page;
}

/* The freezer's signal makes it go round and round in the kernel: as the last of all, then. */
static void *wait_for_ever(void *page) {
  int pipe_ends[2];

  setpriority(PRIO_PROCESS, gettid(), NICE_MAX);
  if (pipe(pipe_ends)) die("pipe");
  if (write(pipe_ends[1], page, 1) < 0) die("write");
  return NULL;
}

void refuse_suspend(void) {
  pthread_t thread;
  struct uffd_msg fault;
  FILE *timeout = fopen(FREEZE_TIMEOUT, "w");

  if (!timeout || fprintf(timeout, "%d\n", FREEZE_TIMEOUT_MS) < 0 || fclose(timeout)) die(FREEZE_TIMEOUT);
  if (pthread_create(&thread, NULL, wait_for_ever, missing_page())) die("thread");
  /* From here on it waits; nobody answers. */
  if (read(fault_fd, &fault, sizeof fault) != sizeof fault) die("userfaultfd");
}
