// Page tables of an HVM guest in 64-bit mode, read through a foreign mapping: hostile input (Intel SDM volume 3, 4.5).
#include <cstring>
#include <vector>

#include "args.h"
#include "bitmap.h"

namespace {

constexpr size_t ENTRIES = GUEST_PAGE / sizeof(uint64_t);
constexpr uint64_t PRESENT = 1;
constexpr uint64_t LARGE = 1 << 7;
constexpr unsigned PAGE_SHIFT = 12;
constexpr uint64_t FRAME = (uint64_t{1} << 52) - 1;

// childTables(base, slots, mayBeLarge, seen, most) → gfns of tables that those in `slots` name, present, no large page, and not in
// `seen`, whose bits they become; at most so many.
Napi::Value childTables(const Napi::CallbackInfo& info) {
  const Bytes base = bytesArg(info, 0);
  const Words slots = wordsArg(info, 1);
  const bool mayBeLarge = info[2].ToBoolean();
  const Bytes seen = bytesArg(info, 3);
  const auto most = integerArg(info, 4, "most", UINT32_MAX);
  needSlots(info.Env(), slots, base);
  std::vector<uint32_t> found;
  for (const uint32_t slot : slots) {
    if (slot == NOT_MAPPED) continue;
    uint64_t entries[ENTRIES];
    memcpy(entries, base.data + size_t{slot} * GUEST_PAGE, GUEST_PAGE);
    for (const uint64_t entry : entries) {
      if (!(entry & PRESENT) || (mayBeLarge && (entry & LARGE))) continue;
      const uint64_t gfn = (entry & FRAME) >> PAGE_SHIFT;
      if (gfn / 8 >= seen.size || testBit(seen, static_cast<uint32_t>(gfn))) continue;
      if (found.size() == most) break;
      seen[gfn / 8] |= static_cast<uint8_t>(1u << (gfn % 8));
      found.push_back(static_cast<uint32_t>(gfn));
    }
  }
  auto gfns = Napi::Uint32Array::New(info.Env(), found.size());
  if (!found.empty()) memcpy(gfns.Data(), found.data(), found.size() * sizeof(uint32_t));
  return gfns;
}

}  // namespace

void exportGuestTables(Napi::Object exports) { Export<childTables>(exports, "childTables"); }
