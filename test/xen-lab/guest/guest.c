#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COMPACT_LOCKED "/proc/sys/vm/compact_unevictable_allowed"
#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_FRAME ((1ULL << 55) - 1)

void die(const char *what, ...) {
  int error = errno;
  va_list args;

  va_start(args, what);
  vdprintf(STDOUT_FILENO, what, args);
  va_end(args);
  dprintf(STDOUT_FILENO, error ? ": %s\n" : "\n", strerror(error));
  exit(1);
}

long option(const char *options, const char *name, long otherwise) {
  size_t length = strlen(name);

  for (const char *at = options; at; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, name, length) == 0 && at[length] == '=') return strtol(at + length + 1, NULL, 10);
  }
  return otherwise;
}

void keep_frames(void) {
  int fd = open(COMPACT_LOCKED, O_WRONLY);

  if (fd < 0 || write(fd, "0", 1) != 1) die(COMPACT_LOCKED);
  close(fd);
  if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)) die("PR_SET_THP_DISABLE");
}

void *locked_pages(size_t count) {
  void *base = mmap(NULL, count * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (base == MAP_FAILED) die("mmap of %zu pages", count);
  if (mlock(base, count * PAGE_BYTES)) die("mlock of %zu pages", count);
  return base;
}

void frame_numbers(const void *base, size_t count, uint64_t *frames) {
  int fd = open("/proc/self/pagemap", O_RDONLY);
  size_t bytes = count * sizeof *frames;

  if (fd < 0) die("/proc/self/pagemap");
  if (pread(fd, frames, bytes, (uintptr_t)base / PAGE_BYTES * sizeof *frames) != (ssize_t)bytes) die("pagemap");
  for (size_t i = 0; i < count; i++) {
    if (!(frames[i] & PAGEMAP_PRESENT)) die("page %zu of %zu is not present", i, count);
    frames[i] &= PAGEMAP_FRAME;
  }
  close(fd);
}
