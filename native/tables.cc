// Byte tables with an entry a page: page types, send counts.
#include <algorithm>

#include "args.h"

namespace {

Napi::Value bytesAt(const Napi::CallbackInfo& info) {
  const Bytes table = bytesArg(info, 0);
  const Words indices = wordsArg(info, 1);
  const Bytes out = bytesArg(info, 2);
  needBelow(info.Env(), "indices", indices, table.size);
  needAtLeast(info.Env(), "out", out.size, indices.size);
  for (size_t i = 0; i < indices.size; i++) out[i] = table[indices[i]];
  return info.Env().Undefined();
}

Napi::Value setBytesAt(const Napi::CallbackInfo& info) {
  const Bytes table = bytesArg(info, 0);
  const Words indices = wordsArg(info, 1);
  const auto value = static_cast<uint8_t>(integerArg(info, 2, "value", 255));
  needBelow(info.Env(), "indices", indices, table.size);
  size_t changed = 0;
  for (const uint32_t index : indices) {
    changed += table[index] != value;
    table[index] = value;
  }
  return number(info.Env(), changed);
}

Napi::Value increment(const Napi::CallbackInfo& info) {
  const Bytes counts = bytesArg(info, 0);
  const Words gfns = wordsArg(info, 1);
  needBelow(info.Env(), "gfns", gfns, counts.size);
  uint8_t largest = 0;
  for (const uint32_t gfn : gfns) {
    if (counts[gfn] < 255) counts[gfn]++;
    largest = std::max(largest, counts[gfn]);
  }
  return number(info.Env(), largest);
}

}  // namespace

void exportTables(Napi::Object exports) {
  Export<bytesAt>(exports, "bytesAt");
  Export<setBytesAt>(exports, "setBytesAt");
  Export<increment>(exports, "increment");
}
