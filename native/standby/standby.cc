// The waiting process's end of handover.h, and the socket at which it waits.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../args.h"
#include "../worker.h"
#include "handover.h"

namespace {

#ifdef __linux__

// How long a launcher may take for what it has to say, so that one that hangs does not keep others from a helper.
constexpr timeval PATIENCE{5, 0};

bool receiveAll(int fd, char* into, size_t length) {
  while (length > 0) {
    const ssize_t got = recv(fd, into, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into += got;
    length -= static_cast<size_t>(got);
  }
  return true;
}

// Length and descriptors, which come together. What has come is in `descriptors` even where it is not all there should be.
bool receiveDescriptors(int connection, uint32_t& length, std::vector<int>& descriptors) {
  handover::Opening opening;
  auto* message = &opening.message;
  ssize_t got;
  do got = recvmsg(connection, message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  length = opening.length;
  for (cmsghdr* header = CMSG_FIRSTHDR(message); got > 0 && header != nullptr; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    descriptors.resize(count);
    memcpy(descriptors.data(), CMSG_DATA(header), count * sizeof(int));
  }
  return got == sizeof length && descriptors.size() == handover::DESCRIPTORS && length <= handover::MAX_BYTES;
}

bool receiveHandover(int connection, std::vector<int>& descriptors, std::string& strings) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != geteuid()) return false;
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &PATIENCE, sizeof PATIENCE);
  uint32_t length = 0;
  if (send(connection, &handover::READY, 1, MSG_NOSIGNAL) != 1 || !receiveDescriptors(connection, length, descriptors)) return false;
  strings.resize(length);
  return receiveAll(connection, strings.data(), length);
}

class Accepting : public PromiseWorker {
 public:
  Accepting(Napi::Env env, int listener) : PromiseWorker(env), listener_(listener) {}

 protected:
  void Execute() override {
    do accepted_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    while (accepted_ < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (accepted_ < 0) accepted_ = -errno;
  }

  Napi::Value result() override { return number(Env(), accepted_); }

 private:
  int listener_;
  int accepted_ = -1;
};

// Held while a socket is taken over from a process that has ended: of two that find it dead, the second would take the first's.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path)
      : fd_(open(path.substr(0, path.find_last_of('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ >= 0) flock(fd_, LOCK_EX);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  int fd_;
};

int listenAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* at = reinterpret_cast<const sockaddr*>(&address);
  const FolderLock lock(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // Nobody listens at the socket of a process that has ended, and it stays in the way.
  if (connect(fd, at, sizeof address) < 0 && errno == ECONNREFUSED) unlink(path.c_str());
  close(fd);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return -errno;
  if (bind(listener, at, sizeof address) == 0 && listen(listener, SOMAXCONN) == 0) return listener;
  const int error = errno;
  close(listener);
  return -error;
}

Napi::Value standbyListen(const Napi::CallbackInfo& info) {
  return number(info.Env(), listenAt(info[0].As<Napi::String>().Utf8Value()));
}

Napi::Value standbyAccept(const Napi::CallbackInfo& info) {
  const int listener = static_cast<int>(integerArg(info, 0, "listener", INT32_MAX));
  return queued(std::make_unique<Accepting>(info.Env(), listener));
}

Napi::Value standbyReceive(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  std::vector<int> descriptors;
  std::string strings;
  const int connection = static_cast<int>(integerArg(info, 0, "connection", INT32_MAX));
  if (!receiveHandover(connection, descriptors, strings)) {
    for (const int fd : descriptors) close(fd);
    return env.Undefined();
  }
  auto numbers = Napi::Array::New(env, descriptors.size());
  for (uint32_t i = 0; i < descriptors.size(); i++) numbers.Set(i, number(env, descriptors[i]));
  auto handed = Napi::Object::New(env);
  handed.Set("descriptors", numbers);
  handed.Set("strings", Napi::Buffer<char>::Copy(env, strings.data(), strings.size()));
  return handed;
}

// `fd` gets the number `target`; what had it is closed. 0 or a negative errno.
Napi::Value fdBecome(const Napi::CallbackInfo& info) {
  const int fd = static_cast<int>(integerArg(info, 0, "fd", INT32_MAX));
  const int target = static_cast<int>(integerArg(info, 1, "target", INT32_MAX));
  const int result = fd == target || dup2(fd, target) >= 0 ? 0 : -errno;
  if (result == 0 && fd != target) close(fd);
  return number(info.Env(), result);
}

#endif

}  // namespace

// Xen's dom0 is Linux as far as we go; elsewhere nobody can stand by for libxl.
void exportStandby(Napi::Object exports) {
#ifdef __linux__
  Export<standbyListen>(exports, "standbyListen");
  Export<standbyAccept>(exports, "standbyAccept");
  Export<standbyReceive>(exports, "standbyReceive");
  Export<fdBecome>(exports, "fdBecome");
#else
  (void)exports;
#endif
}
