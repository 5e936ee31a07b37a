/*
 * The guest's first process. Mounts what the programs read, makes the Xen console its own terminal, and becomes the
 * program that the kernel command line names: `xenferry.PROGRAM=OPTIONS` runs /bin/PROGRAM OPTIONS.
 * A program that ends takes the kernel down with it (panic of init), which the domain's crash shows outside.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "guest.h"

static const char PREFIX[] = "xenferry.";

static void mount_on(const char *type, const char *path) {
  mkdir(path, 0755);
  if (mount(type, path, type, 0, NULL)) die("mount %s", path);
}

/* Raw: no echo of orders, no CR before NL, no signal characters. */
static void open_console(void) {
  struct termios raw;
  int fd = open("/dev/hvc0", O_RDWR);

  if (fd < 0) die("/dev/hvc0");
  if (tcgetattr(fd, &raw)) die("tcgetattr");
  cfmakeraw(&raw);
  if (tcsetattr(fd, TCSANOW, &raw)) die("tcsetattr");
  for (int to = 0; to < 3; to++) dup2(fd, to);
  if (fd > 2) close(fd);
}

/* The kernel command line, NUL-terminated. */
static char *command_line(void) {
  static char line[4096];
  int fd = open("/proc/cmdline", O_RDONLY);
  ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof line - 1);

  if (length < 0) die("/proc/cmdline");
  close(fd);
  line[length] = 0;
  return line;
}

int main(void) {
  mount_on("devtmpfs", "/dev");
  mount_on("proc", "/proc");
  mount_on("sysfs", "/sys");
  open_console();
  for (char *word = strtok(command_line(), " \n"); word; word = strtok(NULL, " \n")) {
    char *options = strchr(word, '=');
    char path[64];

    if (strncmp(word, PREFIX, sizeof PREFIX - 1) || !options) continue;
    *options++ = 0;
    snprintf(path, sizeof path, "/bin/%s", word + sizeof PREFIX - 1);
    execl(path, path, options, (char *)NULL);
    die("%s", path);
  }
  die("no %sPROGRAM=OPTIONS on the kernel command line", PREFIX);
}
