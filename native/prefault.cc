// First use of guest memory, paid for in advance.
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "args.h"

namespace {

constexpr uintptr_t HUGE_PAGE = uintptr_t{2} << 20;

// Advice only: where the kernel has no huge pages, or there is no aligned stretch, small ones do.
void askForHugePages(uintptr_t begin, uintptr_t end) {
#ifdef __linux__
  const uintptr_t first = (begin + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  const uintptr_t last = end / HUGE_PAGE * HUGE_PAGE;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)begin, (void)end;
#endif
}

// A compare-and-swap of a byte with itself: a write as the MMU sees it, and none as other threads do, which may be
// writing here. (An atomic add of 0 will not do: compilers turn it into a read.)
void touch(uint8_t* byte) {
  uint8_t value = __atomic_load_n(byte, __ATOMIC_RELAXED);
  __atomic_compare_exchange_n(byte, &value, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

Napi::Value prefault(const Napi::CallbackInfo& info) {
  const Bytes memory = bytesArg(info, 0);
  const auto begin = reinterpret_cast<uintptr_t>(memory.data);
  const uintptr_t end = begin + memory.size;
  askForHugePages(begin, end);
  // The first byte, then the first byte of every page that begins in here.
  for (uintptr_t at = begin; at < end; at = (at / GUEST_PAGE + 1) * GUEST_PAGE) touch(memory.data + (at - begin));
  return info.Env().Undefined();
}

}  // namespace

void exportPrefault(Napi::Object exports) { Export<prefault>(exports, "prefault"); }
