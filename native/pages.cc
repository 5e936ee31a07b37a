// What a page holds, and whether it must travel.
#include <algorithm>
#include <cstring>

#include "args.h"
#include "bitmap.h"
#include "types.h"

namespace {

// Tested a cache line at a time: most pages that are not zero say so in the first.
bool isZero(const uint8_t* page) {
  for (size_t offset = 0; offset < GUEST_PAGE; offset += 64) {
    uint64_t words[8];
    std::memcpy(words, page + offset, sizeof words);
    uint64_t any = 0;
    for (const uint64_t word : words) any |= word;
    if (any != 0) return false;
  }
  return true;
}

bool isZeroSlot(Bytes base, uint32_t slot) { return slot != NOT_MAPPED && isZero(base.data + slot * GUEST_PAGE); }

Napi::Value zeroPages(const Napi::CallbackInfo& info) {
  const Bytes base = bytesArg(info, 0);
  const Words slots = wordsArg(info, 1);
  const Bytes flags = bytesArg(info, 2);
  needSlots(info.Env(), slots, base);
  needAtLeast(info.Env(), "flags", flags.size, slots.size);
  size_t zero = 0;
  for (size_t i = 0; i < slots.size; i++) {
    flags[i] = isZeroSlot(base, slots[i]);
    zero += flags[i];
  }
  return number(info.Env(), zero);
}

Napi::Value dropDataless(const Napi::CallbackInfo& info) {
  const Bytes types = bytesArg(info, 0);
  const Words slots = wordsArg(info, 1);
  needSameLength(info.Env(), "types", types.size, "slots", slots.size);
  size_t unmapped = 0;
  for (size_t i = 0; i < types.size; i++) {
    if (carriesNoData(types[i])) {
      slots[i] = NOT_MAPPED;
    } else {
      unmapped += slots[i] == NOT_MAPPED;
    }
  }
  return number(info.Env(), unmapped);
}

Napi::Value elideZeroPages(const Napi::CallbackInfo& info) {
  const Bytes base = bytesArg(info, 0);
  const Words gfns = wordsArg(info, 1);
  const Bytes sent = bytesArg(info, 2);
  const Bytes types = bytesArg(info, 3);
  const Words slots = wordsArg(info, 4);
  needSameLength(info.Env(), "gfns", gfns.size, "types", types.size);
  needSameLength(info.Env(), "gfns", gfns.size, "slots", slots.size);
  needBelow(info.Env(), "gfns", gfns, uint64_t{sent.size} * 8);
  needSlots(info.Env(), slots, base);
  size_t elided = 0;
  for (size_t i = 0; i < gfns.size; i++) {
    if (types[i] != NOTAB || testBit(sent, gfns[i]) || !isZeroSlot(base, slots[i])) continue;
    types[i] = XALLOC;
    slots[i] = NOT_MAPPED;
    elided++;
  }
  return number(info.Env(), elided);
}

Napi::Value present(const Napi::CallbackInfo& info) {
  const Words gfns = wordsArg(info, 0);
  const Words slots = wordsArg(info, 1);
  const Words out = wordsArg(info, 2);
  needSameLength(info.Env(), "gfns", gfns.size, "slots", slots.size);
  const size_t absent = std::count(slots.begin(), slots.end(), NOT_MAPPED);
  needAtLeast(info.Env(), "out", out.size, slots.size - absent);
  size_t count = 0;
  for (size_t i = 0; i < gfns.size; i++) {
    if (slots[i] != NOT_MAPPED) out[count++] = gfns[i];
  }
  return number(info.Env(), count);
}

}  // namespace

void exportPages(Napi::Object exports) {
  Export<zeroPages>(exports, "zeroPages");
  Export<dropDataless>(exports, "dropDataless");
  Export<elideZeroPages>(exports, "elideZeroPages");
  Export<present>(exports, "present");
}
