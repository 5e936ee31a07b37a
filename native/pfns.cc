// PAGE_DATA entries: little-endian u64, type in bits 63-60, gfn in bits 51-0, bits 59-52 reserved.
#include <cstring>

#include "args.h"
#include "types.h"

namespace {

constexpr size_t ENTRY_SIZE = 8;
constexpr int TYPE_SHIFT = 60;
constexpr uint64_t GFN_MASK = (uint64_t{1} << 52) - 1;
constexpr uint64_t RESERVED_MASK = uint64_t{0xff} << 52;

Napi::Value encodePfns(const Napi::CallbackInfo& info) {
  const Words gfns = wordsArg(info, 0);
  const Bytes types = bytesArg(info, 1);
  const Bytes out = bytesArg(info, 2);
  needSameLength(info.Env(), "gfns", gfns.size, "types", types.size);
  needBelow(info.Env(), "types", types, 16);
  needAtLeast(info.Env(), "out", out.size, uint64_t{gfns.size} * ENTRY_SIZE);
  for (size_t i = 0; i < gfns.size; i++) {
    const uint64_t entry = uint64_t{types[i]} << TYPE_SHIFT | gfns[i];
    std::memcpy(out.data + i * ENTRY_SIZE, &entry, ENTRY_SIZE);
  }
  return info.Env().Undefined();
}

Napi::Value decodePfns(const Napi::CallbackInfo& info) {
  const Bytes entries = bytesArg(info, 0);
  const uint64_t limit = integerArg(info, 1, "limit", GFN_LIMIT);
  const Words gfns = wordsArg(info, 2);
  const Bytes types = bytesArg(info, 3);
  const size_t count = entries.size / ENTRY_SIZE;
  needMultiple(info.Env(), "entries", entries.size, ENTRY_SIZE);
  needAtLeast(info.Env(), "gfns", gfns.size, count);
  needAtLeast(info.Env(), "types", types.size, count);
  size_t withData = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t entry;
    std::memcpy(&entry, entries.data + i * ENTRY_SIZE, ENTRY_SIZE);
    const uint64_t gfn = entry & GFN_MASK;
    const auto type = static_cast<uint8_t>(entry >> TYPE_SHIFT);
    if ((entry & RESERVED_MASK) != 0 || !isKnown(type) || gfn >= limit) return number(info.Env(), -1 - static_cast<double>(i));
    gfns[i] = static_cast<uint32_t>(gfn);
    types[i] = type;
    withData += !carriesNoData(type);
  }
  return number(info.Env(), withData);
}

}  // namespace

void exportPfns(Napi::Object exports) {
  Export<encodePfns>(exports, "encodePfns");
  Export<decodePfns>(exports, "decodePfns");
}
