// How the process that libxl starts (launcher.cc) hands a migration to a helper (src/libxl/save-helper/standby.ts), over a Unix
// stream socket:
//
//   helper → launcher   READY
//   launcher → helper   u32 length (little-endian) together with DESCRIPTORS descriptors, then `length` bytes of strings,
//                       each ended by NUL: working directory, number of arguments, arguments, environment
//   launcher → helper   the number of a signal, a byte each, whenever one comes
//   helper → launcher   exit status, one byte: libxl may go on
//
// Whoever ends, the other sees the end of the connection: without a status, the migration has failed.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>

namespace handover {

constexpr uint8_t READY = 'R';
// 0, 1, 2 and the stream.
constexpr int DESCRIPTORS = 4;
constexpr uint32_t MAX_BYTES = 64 << 10;

// What the launcher says first, as sendmsg and recvmsg take it: the length, and the descriptors beside it.
struct Opening {
  uint32_t length = 0;
  alignas(cmsghdr) char control[CMSG_SPACE(DESCRIPTORS * sizeof(int))] = {};
  iovec part{&length, sizeof length};
  msghdr message{};

  Opening() {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
};

}  // namespace handover
