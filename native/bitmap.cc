// Bitmaps as log-dirty's: bit n of byte k is gfn 8k + n, which read as a little-endian word is bit n of word k / 64.
#include "bitmap.h"

#include <algorithm>
#include <cstring>

#include "args.h"

namespace {

// 64 bits from gfn 64 * index on; those at `pages` and beyond read as 0, as do bytes that are not there.
uint64_t wordAt(Bytes bitmap, uint64_t index, uint64_t pages) {
  const uint64_t first = index * 64;
  const size_t offset = index * 8;
  uint64_t word = 0;
  std::memcpy(&word, bitmap.data + offset, std::min<size_t>(8, bitmap.size - offset));
  const uint64_t bits = pages - first;
  return bits < 64 ? word & ((uint64_t{1} << bits) - 1) : word;
}

uint64_t pagesArg(const Napi::CallbackInfo& info, size_t i, Bytes bitmap) {
  return integerArg(info, i, "pages", std::min<uint64_t>(uint64_t{bitmap.size} * 8, GFN_LIMIT));
}

Napi::Value bitmapToGfns(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytesArg(info, 0);
  const uint64_t pages = pagesArg(info, 1, bitmap);
  const uint64_t start = integerArg(info, 2, "start", pages);
  const Words out = wordsArg(info, 3);
  size_t found = 0;
  uint64_t keep = ~uint64_t{0} << (start % 64);
  for (uint64_t index = start / 64; index * 64 < pages && found < out.size; index++) {
    uint64_t word = wordAt(bitmap, index, pages) & keep;
    keep = ~uint64_t{0};
    const auto first = static_cast<uint32_t>(index * 64);
    if (word == ~uint64_t{0} && out.size - found >= 64) {
      for (uint32_t bit = 0; bit < 64; bit++) out[found + bit] = first + bit;
      found += 64;
      continue;
    }
    for (; word != 0 && found < out.size; word &= word - 1) out[found++] = first + __builtin_ctzll(word);
  }
  return number(info.Env(), found);
}

Napi::Value bitmapCount(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytesArg(info, 0);
  const uint64_t pages = pagesArg(info, 1, bitmap);
  uint64_t count = 0;
  for (uint64_t index = 0; index * 64 < pages; index++) count += __builtin_popcountll(wordAt(bitmap, index, pages));
  return number(info.Env(), count);
}

// Byte by byte in the source, so that overlapping arguments mean what they mean in TypeScript; the compiler makes vectors.
template <typename Operation>
Napi::Value combine(const Napi::CallbackInfo& info, Operation operation) {
  const Bytes dst = bytesArg(info, 0);
  const Bytes src = bytesArg(info, 1);
  needSameLength(info.Env(), "dst", dst.size, "src", src.size);
  for (size_t i = 0; i < dst.size; i++) dst[i] = operation(dst[i], src[i]);
  return info.Env().Undefined();
}

Napi::Value bitmapOr(const Napi::CallbackInfo& info) {
  return combine(info, [](uint8_t a, uint8_t b) { return a | b; });
}

Napi::Value bitmapAnd(const Napi::CallbackInfo& info) {
  return combine(info, [](uint8_t a, uint8_t b) { return a & b; });
}

Napi::Value bitmapAndNot(const Napi::CallbackInfo& info) {
  return combine(info, [](uint8_t a, uint8_t b) { return a & ~b; });
}

Napi::Value bitmapSet(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytesArg(info, 0);
  const Words gfns = wordsArg(info, 1);
  needBelow(info.Env(), "gfns", gfns, uint64_t{bitmap.size} * 8);
  size_t changed = 0;
  for (const uint32_t gfn : gfns) {
    changed += !testBit(bitmap, gfn);
    bitmap[gfn / 8] |= 1 << (gfn % 8);
  }
  return number(info.Env(), changed);
}

Napi::Value bitmapClear(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytesArg(info, 0);
  const Words gfns = wordsArg(info, 1);
  needBelow(info.Env(), "gfns", gfns, uint64_t{bitmap.size} * 8);
  size_t changed = 0;
  for (const uint32_t gfn : gfns) {
    changed += testBit(bitmap, gfn);
    bitmap[gfn / 8] &= ~(1 << (gfn % 8));
  }
  return number(info.Env(), changed);
}

Napi::Value bitmapTest(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytesArg(info, 0);
  const Words gfns = wordsArg(info, 1);
  const Bytes out = bytesArg(info, 2);
  needBelow(info.Env(), "gfns", gfns, uint64_t{bitmap.size} * 8);
  needAtLeast(info.Env(), "out", out.size, gfns.size);
  for (size_t i = 0; i < gfns.size; i++) out[i] = testBit(bitmap, gfns[i]);
  return info.Env().Undefined();
}

}  // namespace

void exportBitmap(Napi::Object exports) {
  Export<bitmapToGfns>(exports, "bitmapToGfns");
  Export<bitmapCount>(exports, "bitmapCount");
  Export<bitmapOr>(exports, "bitmapOr");
  Export<bitmapAnd>(exports, "bitmapAnd");
  Export<bitmapAndNot>(exports, "bitmapAndNot");
  Export<bitmapSet>(exports, "bitmapSet");
  Export<bitmapClear>(exports, "bitmapClear");
  Export<bitmapTest>(exports, "bitmapTest");
}
