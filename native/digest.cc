// MurmurHash3 x86_128 (Austin Appleby's algorithm; seed 0) of whole pages. A page is 256 blocks of 16 bytes, so the
// algorithm's tail never comes into play.
#include <cstring>

#include "args.h"

namespace {

constexpr size_t DIGEST_SIZE = 16;

uint32_t rotate(uint32_t x, int by) { return (x << by) | (x >> (32 - by)); }

uint32_t finish(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return h ^ (h >> 16);
}

// Each lane scrambles its word with constants of its own...
uint32_t scramble(uint32_t word, uint32_t before, int by, uint32_t after) { return rotate(word * before, by) * after; }

void digest(const uint8_t* page, uint8_t* out) {
  constexpr uint32_t c1 = 0x239b961b, c2 = 0xab0e9789, c3 = 0x38b34ae5, c4 = 0xa1e38b93;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  for (size_t offset = 0; offset < GUEST_PAGE; offset += 16) {
    uint32_t word[4];
    std::memcpy(word, page + offset, sizeof word);
    // ... and takes in its neighbour's state.
    a = (rotate(a ^ scramble(word[0], c1, 15, c2), 19) + b) * 5 + 0x561ccd1b;
    b = (rotate(b ^ scramble(word[1], c2, 16, c3), 17) + c) * 5 + 0x0bcaa747;
    c = (rotate(c ^ scramble(word[2], c3, 17, c4), 15) + d) * 5 + 0x96cd1c35;
    d = (rotate(d ^ scramble(word[3], c4, 18, c1), 13) + a) * 5 + 0x32ac3b17;
  }
  constexpr uint32_t length = GUEST_PAGE;
  uint32_t h[4] = {a ^ length, b ^ length, c ^ length, d ^ length};
  for (int round = 0; round < 2; round++) {
    h[0] += h[1] + h[2] + h[3];
    for (int lane = 1; lane < 4; lane++) h[lane] += h[0];
    if (round == 0) {
      for (uint32_t& lane : h) lane = finish(lane);
    }
  }
  std::memcpy(out, h, DIGEST_SIZE);
}

Napi::Value digestPages(const Napi::CallbackInfo& info) {
  const Bytes base = bytesArg(info, 0);
  const Words slots = wordsArg(info, 1);
  const Bytes out = bytesArg(info, 2);
  needSlots(info.Env(), slots, base);
  needAtLeast(info.Env(), "out", out.size, uint64_t{slots.size} * DIGEST_SIZE);
  for (size_t i = 0; i < slots.size; i++) {
    uint8_t* to = out.data + i * DIGEST_SIZE;
    if (slots[i] == NOT_MAPPED) {
      std::memset(to, 0, DIGEST_SIZE);
    } else {
      digest(base.data + slots[i] * GUEST_PAGE, to);
    }
  }
  return info.Env().Undefined();
}

}  // namespace

void exportDigest(Napi::Object exports) { Export<digestPages>(exports, "digestPages"); }
