// xenferry-save-helper: what libxl starts. It hands libxl's descriptors to a helper and waits until that is done with libxl: to one
// that stands by (`xenferry standby`), since Node takes longer to start than a small domain takes to move; else to one that it starts.
// libxl goes on when this process ends, and the helper may have work left then: post-copy's page server and pager are such.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "handover.h"

extern char** environ;

namespace {

constexpr char SOCKET[] = "/run/xenferry/save-helper.sock";
constexpr char HELPER[] = "/../../../dist/src/libxl/save-helper/main.js";
constexpr char OURS[] = "XENFERRY_";
// A helper that stands by answers at once. Where all are at work, it is as quick to start another.
constexpr int READY_MS = 100;
constexpr int FAILED = 1;
// Those that end a helper in order.
constexpr int PASSED_ON[] = {SIGTERM, SIGINT, SIGHUP};

// Where a signal's number goes. sig_atomic_t: the handler reads it.
volatile sig_atomic_t connection = -1;

void passOn(int signal) {
  const int before = errno;
  const auto number = static_cast<uint8_t>(signal);
  send(connection, &number, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  errno = before;
}

// The stream's descriptor, as libxl names it behind the mode; -1 where this is no such command line.
int streamOf(int argc, char** argv) {
  if (argc < 3 || strncmp(argv[1], "--", 2) != 0) return -1;
  char* end = nullptr;
  const long fd = strtol(argv[2], &end, 10);
  return *argv[2] == '\0' || *end != '\0' || fd < 0 || fd > INT_MAX || fcntl(static_cast<int>(fd), F_GETFD) < 0
             ? -1
             : static_cast<int>(fd);
}

// A connection to a helper that is ready; -1 where none is.
int standby() {
  const char* named = getenv("XENFERRY_STANDBY");
  const char* path = named == nullptr ? SOCKET : named;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (*path == '\0' || strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  ucred peer{};
  socklen_t size = sizeof peer;
  pollfd ready{fd, POLLIN, 0};
  uint8_t greeting = 0;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid() &&
      poll(&ready, 1, READY_MS) == 1 && read(fd, &greeting, 1) == 1 && greeting == handover::READY &&
      fcntl(fd, F_SETFL, 0) == 0) {
    return fd;
  }
  close(fd);
  return -1;
}

void append(std::string& strings, const char* text) { strings.append(text, strlen(text) + 1); }

std::string described(int argc, char** argv) {
  std::string strings;
  char folder[PATH_MAX];
  append(strings, getcwd(folder, sizeof folder) == nullptr ? "/" : folder);
  append(strings, std::to_string(argc - 1).c_str());
  for (int i = 1; i < argc; i++) append(strings, argv[i]);
  for (char** one = environ; *one != nullptr; one++) {
    if (strncmp(*one, OURS, sizeof OURS - 1) == 0) append(strings, *one);
  }
  return strings;
}

bool sendAll(int fd, const char* bytes, size_t length) {
  while (length > 0) {
    const ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes += sent;
    length -= static_cast<size_t>(sent);
  }
  return true;
}

bool handOver(int fd, int stream, const std::string& strings) {
  handover::Opening opening;
  opening.length = static_cast<uint32_t>(strings.size());
  const int descriptors[handover::DESCRIPTORS] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, stream};
  cmsghdr* header = CMSG_FIRSTHDR(&opening.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
  ssize_t sent;
  do sent = sendmsg(fd, &opening.message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == sizeof opening.length && sendAll(fd, strings.data(), strings.size());
}

int died() {
  fputs("xenferry-save-helper: the helper has ended without a word\n", stderr);
  return FAILED;
}

// The status of the helper. Of the domain it has nothing left then but what it means to keep; it ends, or goes on, behind this
// process's back.
int follow(int fd) {
  uint8_t status;
  ssize_t got;
  do got = read(fd, &status, 1);
  while (got < 0 && errno == EINTR);
  return got == 1 ? status : died();
}

sigset_t passedOn() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : PASSED_ON) sigaddset(&set, signal);
  return set;
}

// Those that whoever started this wants ignored stay so.
void catchSignals() {
  struct sigaction action {};
  action.sa_handler = passOn;
  for (const int signal : PASSED_ON) {
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

// This installation's helper; empty where it cannot be told.
std::string helperPath() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) return perror("xenferry-save-helper: /proc/self/exe"), "";
  self[length] = '\0';
  *strrchr(self, '/') = '\0';
  return std::string(self) + HELPER;
}

void closeAllBut(int kept) {
  if (kept > 3) close_range(3, static_cast<unsigned>(kept) - 1, 0);
  close_range(static_cast<unsigned>(kept) + 1, ~0U, 0);
}

// A connection to a helper of a session of its own, which a signal for xl's does not reach; -1 where none can be started.
int startHelper() {
  const std::string helper = helperPath();
  int ends[2];
  if (helper.empty() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  const pid_t child = fork();
  if (child < 0) return perror("xenferry-save-helper: fork"), -1;
  if (child > 0) return close(ends[1]), ends[0];
  setsid();
  // What it needs is handed over, as to one that stands by; the rest is libxl's, and others wait for its end.
  closeAllBut(ends[1]);
  fcntl(ends[1], F_SETFD, 0);
  execl(helper.c_str(), helper.c_str(), "--take-over", std::to_string(ends[1]).c_str(), static_cast<char*>(nullptr));
  fprintf(stderr, "xenferry-save-helper: %s: %s\n", helper.c_str(), strerror(errno));
  _exit(FAILED);
}

int becomeHelper(char** argv) {
  std::string helper = helperPath();
  argv[0] = helper.data();
  execv(helper.c_str(), argv);
  fprintf(stderr, "xenferry-save-helper: %s: %s\n", helper.c_str(), strerror(errno));
  return FAILED;
}

// It asks for what it is to do as soon as it can.
bool isReady(int fd) {
  uint8_t greeting = 0;
  ssize_t got;
  do got = read(fd, &greeting, 1);
  while (got < 0 && errno == EINTR);
  return got == 1 && greeting == handover::READY;
}

}  // namespace

int main(int argc, char** argv) {
  const int stream = streamOf(argc, argv);
  const std::string strings = described(argc, argv);
  // What libxl would not say goes to the helper as it is, which knows what is wrong with it.
  if (stream < 0 || strings.size() > handover::MAX_BYTES) return becomeHelper(argv);
  const int waiting = standby();
  const int fd = waiting >= 0 ? waiting : startHelper();
  if (fd < 0) return FAILED;
  // Nothing has been handed over: whatever keeps that helper from being one, this process can tell libxl of it in its place.
  if (waiting < 0 && !isReady(fd)) return becomeHelper(argv);
  // A signal that comes meanwhile goes behind what is handed over.
  const sigset_t signals = passedOn();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  if (!handOver(fd, stream, strings)) return died();
  connection = fd;
  catchSignals();
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  return follow(fd);
}
