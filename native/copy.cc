// Guest memory to and from I/O buffers, neighbouring slots in one copy.
#include <cstring>

#include "args.h"

namespace {

// Calls run(first slot, pages) for each run of neighbouring slots, absent pages left out, until it returns false.
template <typename Run>
void eachRun(Words slots, Run run) {
  uint32_t first = 0;
  uint32_t length = 0;
  for (const uint32_t slot : slots) {
    if (slot == NOT_MAPPED) continue;
    if (length > 0 && slot == uint64_t{first} + length) {
      length++;
      continue;
    }
    if (length > 0 && !run(first, length)) return;
    first = slot;
    length = 1;
  }
  if (length > 0) run(first, length);
}

Napi::Value runs(const Napi::CallbackInfo& info) {
  const Words slots = wordsArg(info, 0);
  const Words out = wordsArg(info, 1);
  size_t count = 0;
  bool fits = true;
  eachRun(slots, [&](uint32_t first, uint32_t length) {
    fits = 2 * count + 1 < out.size;
    if (!fits) return false;
    out[2 * count] = first;
    out[2 * count + 1] = length;
    count++;
    return true;
  });
  return number(info.Env(), fits ? static_cast<double>(count) : -1);
}

Napi::Value gather(const Napi::CallbackInfo& info) {
  const Bytes base = bytesArg(info, 0);
  const Words slots = wordsArg(info, 1);
  const Bytes out = bytesArg(info, 2);
  const size_t present = needSlots(info.Env(), slots, base);
  needAtLeast(info.Env(), "out", out.size, uint64_t{present} * GUEST_PAGE);
  uint8_t* to = out.data;
  eachRun(slots, [&](uint32_t first, uint32_t length) {
    std::memmove(to, base.data + first * GUEST_PAGE, length * GUEST_PAGE);
    to += length * GUEST_PAGE;
    return true;
  });
  return number(info.Env(), present);
}

Napi::Value scatter(const Napi::CallbackInfo& info) {
  const Bytes source = bytesArg(info, 0);
  const Bytes base = bytesArg(info, 1);
  const Words slots = wordsArg(info, 2);
  const size_t present = needSlots(info.Env(), slots, base);
  needAtLeast(info.Env(), "source", source.size, uint64_t{present} * GUEST_PAGE);
  const uint8_t* from = source.data;
  eachRun(slots, [&](uint32_t first, uint32_t length) {
    std::memmove(base.data + first * GUEST_PAGE, from, length * GUEST_PAGE);
    from += length * GUEST_PAGE;
    return true;
  });
  return number(info.Env(), present);
}

}  // namespace

void exportCopy(Napi::Object exports) {
  Export<runs>(exports, "runs");
  Export<gather>(exports, "gather");
  Export<scatter>(exports, "scatter");
}
