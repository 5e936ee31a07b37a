// Frame tables of a 64-bit PV domain. mfn: machine frame, pfn: the domain's own numbering. M2P is Xen's, P2M the guest's own,
// which it changes while we look: each entry is read once, and what was read is what is checked.
#pragma once

#include "args.h"

using Frames = Span<uint64_t>;

constexpr uint64_t INVALID_FRAME = ~uint64_t{0};

// BigUint64Array number i of the call; TypeError for anything else.
Frames framesArg(const Napi::CallbackInfo& info, size_t i);
// The same for an Int32Array.
Span<int32_t> integersArg(const Napi::CallbackInfo& info, size_t i);

inline uint64_t readOnce(const uint64_t* at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }

// INVALID_FRAME where the pfn has no page or the table no such pfn.
inline uint64_t machineFrame(Frames p2m, uint64_t pfn) { return pfn < p2m.size ? readOnce(&p2m[pfn]) : INVALID_FRAME; }

// INVALID_FRAME where both tables do not agree that the frame is the domain's.
inline uint64_t physicalFrame(Frames m2p, Frames p2m, uint64_t mfn) {
  if (mfn >= m2p.size) return INVALID_FRAME;
  const uint64_t pfn = readOnce(&m2p[mfn]);
  return machineFrame(p2m, pfn) == mfn ? pfn : INVALID_FRAME;
}

// A page's type in a table of them: bits 3-0 as in the stream, and whether it is a page table whose entries name machine frames.
constexpr uint8_t TYPE_MASK = 0x0f;
constexpr uint8_t MACHINE_FORM = 0x10;

// Level 1 to 4 of a page table, or 0.
inline unsigned tableLevel(uint8_t type) {
  const unsigned level = type & 0x7;
  const bool plain = (type & TYPE_MASK) == level || ((type & TYPE_MASK) >= 0x9 && (type & TYPE_MASK) <= 0xc);
  return plain && level >= 1 && level <= 4 ? level : 0;
}
