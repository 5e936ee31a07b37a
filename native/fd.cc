// Reading and writing inherited descriptors that may be pipes, sockets or files, so that what waits for a peer can be called off.
// The descriptor's own flags are left alone: its open file is shared with whoever passed it on.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "args.h"
#include "worker.h"

namespace {

// Linux's IOV_MAX.
constexpr size_t MAX_VECTORS = 1024;

enum class Wait { NO, YES };

// 0 when `fd` is ready, else EAGAIN (not now), ECANCELED (`cancel` is readable) or what poll said.
int untilReady(int fd, short events, int cancel, Wait wait) {
  pollfd fds[2] = {{fd, events, 0}, {cancel, POLLIN, 0}};
  for (;;) {
    const int ready = poll(fds, 2, wait == Wait::YES ? -1 : 0);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (fds[1].revents != 0) return ECANCELED;
    return ready > 0 ? 0 : EAGAIN;
  }
}

// What remains to be read or written.
struct Transfer {
  int fd;
  int cancel;
  std::vector<iovec> left;
  size_t first = 0;
  size_t bytes = 0;
  int error = 0;

  bool over() const { return first == left.size(); }

  void advance(size_t moved) {
    bytes += moved;
    while (!over() && moved >= left[first].iov_len) moved -= left[first++].iov_len;
    if (moved > 0) left[first] = {static_cast<char*>(left[first].iov_base) + moved, left[first].iov_len - moved};
  }

  // Reads until all is there, the end (no error then), an error, or, where it is not to wait, until nothing more is there now.
  void read(Wait wait) {
    while (!over() && (error = untilReady(fd, POLLIN, cancel, wait)) == 0) {
      const ssize_t got = readv(fd, &left[first], vectors());
      if (got == 0) return;
      if (!moved(got)) return;
    }
  }

  // As read(). The descriptor must not block, but for that of a socket.
  void write(Wait wait) {
    while (!over() && (error = untilReady(fd, POLLOUT, cancel, wait)) == 0) {
      if (!moved(writeSome())) return;
    }
  }

 private:
  int vectors() const { return static_cast<int>(std::min(left.size() - first, MAX_VECTORS)); }

  ssize_t writeSome() const {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(&left[first]);
    message.msg_iovlen = static_cast<size_t>(vectors());
    const ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 && errno == ENOTSOCK ? writev(fd, &left[first], vectors()) : sent;
  }

  // False after an error that ends the transfer.
  bool moved(ssize_t count) {
    if (count >= 0) return advance(static_cast<size_t>(count)), true;
    if (errno == EINTR || errno == EAGAIN) return true;
    error = errno;
    return false;
  }
};

using Step = void (Transfer::*)(Wait);

Napi::Value outcome(Napi::Env env, const Transfer& transfer) {
  auto both = Napi::Array::New(env, 2);
  both.Set(0u, number(env, static_cast<double>(transfer.bytes)));
  both.Set(1u, number(env, transfer.error));
  return both;
}

class Work : public PromiseWorker {
 public:
  Work(Napi::Env env, Transfer transfer, Step step) : PromiseWorker(env), transfer_(std::move(transfer)), step_(step) {}
  void keep(const Napi::Value& value) { memory_.push_back(Napi::Persistent(value.As<Napi::Object>())); }

 protected:
  void Execute() override { (transfer_.*step_)(Wait::YES); }
  Napi::Value result() override { return outcome(Env(), transfer_); }

 private:
  Transfer transfer_;
  Step step_;
  std::vector<Napi::ObjectReference> memory_;
};

int fdArg(const Napi::CallbackInfo& info, size_t i, const char* name) {
  return static_cast<int>(integerArg(info, i, name, INT32_MAX));
}

iovec vectorOf(const Napi::Value& value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "chunks must be Uint8Arrays");
  const auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_uint8_array) throw Napi::TypeError::New(value.Env(), "chunks must be Uint8Arrays");
  auto bytes = array.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

// step(fd, cancel, chunks, wait) → [bytes, errno], or a promise of it where it may wait.
template <Step step>
Napi::Value transfer(const Napi::CallbackInfo& info) {
  Transfer transfer{fdArg(info, 0, "fd"), fdArg(info, 1, "cancel"), {}};
  if (!info[2].IsArray()) throw Napi::TypeError::New(info.Env(), "chunks must be an array");
  const auto chunks = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < chunks.Length(); i++) {
    const iovec vector = vectorOf(chunks.Get(i));
    if (vector.iov_len > 0) transfer.left.push_back(vector);
  }
  if (!info[3].ToBoolean()) {
    (transfer.*step)(Wait::NO);
    return outcome(info.Env(), transfer);
  }
  auto work = std::make_unique<Work>(info.Env(), std::move(transfer), step);
  for (uint32_t i = 0; i < chunks.Length(); i++) work->keep(chunks.Get(i));
  return queued(std::move(work));
}

// A descriptor that becomes readable, for good, when 8 bytes are written to it; a negative errno where it cannot be had.
Napi::Value fdCancel(const Napi::CallbackInfo& info) {
#ifdef __linux__
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return number(info.Env(), fd < 0 ? -errno : fd);
#else
  return number(info.Env(), -ENOSYS);
#endif
}

// Another number for what `fd` is, and `fd` becomes what `stand` is. A negative errno where that fails; then nothing has changed.
Napi::Value fdMove(const Napi::CallbackInfo& info) {
  const int fd = fdArg(info, 0, "fd");
  const int stand = fdArg(info, 1, "stand");
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (moved < 0) return number(info.Env(), -errno);
  if (dup2(stand, fd) >= 0) return number(info.Env(), moved);
  const int error = errno;
  close(moved);
  return number(info.Env(), -error);
}

// Room of a pipe, in bytes; where it is no pipe or may not be so large, it stays as it was.
Napi::Value fdPipeSize(const Napi::CallbackInfo& info) {
#ifdef F_SETPIPE_SZ
  fcntl(fdArg(info, 0, "fd"), F_SETPIPE_SZ, static_cast<int>(integerArg(info, 1, "bytes", INT32_MAX)));
#endif
  return info.Env().Undefined();
}

// Ends the process at once: no handlers, no waiting for threads that are blocked in the kernel.
Napi::Value exitNow(const Napi::CallbackInfo& info) { _exit(fdArg(info, 0, "status")); }

}  // namespace

void exportFd(Napi::Object exports) {
  Export<transfer<&Transfer::read>>(exports, "fdRead");
  Export<transfer<&Transfer::write>>(exports, "fdWrite");
  Export<fdCancel>(exports, "fdCancel");
  Export<fdMove>(exports, "fdMove");
  Export<fdPipeSize>(exports, "fdPipeSize");
  Export<exitNow>(exports, "exitNow");
}
