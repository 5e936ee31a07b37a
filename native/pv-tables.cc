// Page tables of 64-bit PV domains between their two forms: machine frames in their entries, as the processor walks them, and
// the domain's own frame numbers, as they travel (docs/specs/libxc-migration-stream.pandoc, PAGE_DATA).
#include <cerrno>

#include "pv-frames.h"

namespace {

constexpr size_t ENTRIES = GUEST_PAGE / sizeof(uint64_t);
constexpr uint64_t PRESENT = 1 << 0;
// Above L1 a superpage; in L1 the PAT bit.
constexpr uint64_t PSE = 1 << 7;
constexpr uint64_t FRAME_MASK = 0x000ffffffffff000;
// Xen's own part of every L4: 0xffff800000000000 to 0xffff87ffffffffff (xen/include/public/arch-x86/xen-x86_64.h).
constexpr size_t XEN_FIRST = 256;
constexpr size_t XEN_LAST = 271;

uint64_t frameOf(uint64_t entry) { return (entry & FRAME_MASK) >> 12; }
uint64_t withFrame(uint64_t entry, uint64_t frame) { return (entry & ~FRAME_MASK) | frame << 12; }

// Returns 0, EAGAIN where an entry's frame is not the domain's (yet), or E2BIG for a superpage.
int normalise(Frames m2p, Frames p2m, const uint64_t* from, unsigned level, uint64_t* to) {
  for (size_t i = 0; i < ENTRIES; i++) {
    uint64_t entry = readOnce(from + i);
    if (level == 4 && i >= XEN_FIRST && i <= XEN_LAST) entry = 0;
    if (entry & PRESENT) {
      if (level > 1 && (entry & PSE)) return E2BIG;
      const uint64_t pfn = physicalFrame(m2p, p2m, frameOf(entry));
      if (pfn >= GFN_LIMIT) return EAGAIN;
      entry = withFrame(entry, pfn);
    }
    to[i] = entry;
  }
  return 0;
}

// Returns 0, ENOENT where an entry's page is not populated, or ERANGE where the domain has no such pfn; then nothing is changed.
int localise(Frames p2m, uint64_t* table) {
  int missing = 0;
  for (size_t i = 0; i < ENTRIES; i++) {
    if (!(table[i] & PRESENT)) continue;
    const uint64_t pfn = frameOf(table[i]);
    if (pfn >= p2m.size) return ERANGE;
    if (p2m[pfn] == INVALID_FRAME) missing = ENOENT;
  }
  if (missing != 0) return missing;
  for (size_t i = 0; i < ENTRIES; i++) {
    if (table[i] & PRESENT) table[i] = withFrame(table[i], p2m[frameOf(table[i])]);
  }
  return 0;
}

uint64_t* tableAt(Bytes base, uint64_t slot) { return reinterpret_cast<uint64_t*>(base.data + slot * GUEST_PAGE); }

// One error for each slot, and a base whose pages can be read as 64-bit words.
void needBatch(Napi::Env env, Bytes base, Words slots, Span<int32_t> errors) {
  needSlots(env, slots, base);
  needSameLength(env, "slots", slots.size, "errors", errors.size);
  if (reinterpret_cast<uintptr_t>(base.data) % sizeof(uint64_t) != 0)
    throw Napi::RangeError::New(env, "base is not aligned to 8 bytes");
}

uint64_t countTables(Bytes types, Words slots) {
  uint64_t count = 0;
  for (size_t i = 0; i < slots.size; i++) count += slots[i] != NOT_MAPPED && tableLevel(types[i]) > 0;
  return count;
}

// normaliseTables(m2p, p2m, base, types: Uint8Array, slots: Uint32Array, errors: Int32Array, spare) → failures
Napi::Value normaliseTables(const Napi::CallbackInfo& info) {
  const Frames m2p = framesArg(info, 0);
  const Frames p2m = framesArg(info, 1);
  const Bytes base = bytesArg(info, 2);
  const Bytes types = bytesArg(info, 3);
  const Words slots = wordsArg(info, 4);
  const Span<int32_t> errors = integersArg(info, 5);
  uint64_t spare = integerArg(info, 6, "spare", NOT_MAPPED - 1);
  needBatch(info.Env(), base, slots, errors);
  needSameLength(info.Env(), "slots", slots.size, "types", types.size);
  needAtLeast(info.Env(), "base", base.size, (spare + countTables(types, slots)) * GUEST_PAGE);
  size_t failed = 0;
  for (size_t i = 0; i < slots.size; i++) {
    const unsigned level = tableLevel(types[i]);
    if (level == 0 || slots[i] == NOT_MAPPED) continue;
    errors[i] = normalise(m2p, p2m, tableAt(base, slots[i]), level, tableAt(base, spare));
    slots[i] = errors[i] == 0 ? spare++ : NOT_MAPPED;
    failed += errors[i] != 0;
  }
  return number(info.Env(), failed);
}

// The page tables of a batch, in place: (base, table of types by pfn: Uint8Array, pfns, slots: Uint32Array, errors: Int32Array) are the
// arguments from number `first` on. `turn(type, page)` turns one of those that `wanted(type)` names, and says what has become of its
// type. Where a batch names a pfn twice, the second is the same page, which has its form by then. Returns how many failed.
template <typename Wanted, typename Turn>
Napi::Value turnTables(const Napi::CallbackInfo& info, size_t first, Wanted wanted, Turn turn) {
  const Bytes base = bytesArg(info, first);
  const Bytes table = bytesArg(info, first + 1);
  const Words pfns = wordsArg(info, first + 2);
  const Words slots = wordsArg(info, first + 3);
  const Span<int32_t> errors = integersArg(info, first + 4);
  needBatch(info.Env(), base, slots, errors);
  needSameLength(info.Env(), "pfns", pfns.size, "slots", slots.size);
  size_t failed = 0;
  for (size_t i = 0; i < slots.size; i++) {
    if (pfns[i] >= table.size || slots[i] == NOT_MAPPED || !wanted(table[pfns[i]])) continue;
    errors[i] = turn(table[pfns[i]], tableAt(base, slots[i]));
    failed += errors[i] != 0;
  }
  return number(info.Env(), failed);
}

// restoreForm(m2p, p2m, base, table, pfns, slots, errors) → failures
Napi::Value restoreForm(const Napi::CallbackInfo& info) {
  const Frames m2p = framesArg(info, 0);
  const Frames p2m = framesArg(info, 1);
  const auto wanted = [](uint8_t type) { return (type & MACHINE_FORM) != 0; };
  return turnTables(info, 2, wanted, [&](uint8_t& type, uint64_t* page) {
    const auto error = normalise(m2p, p2m, page, tableLevel(type), page);
    type &= ~MACHINE_FORM;
    return error;
  });
}

// localiseTables(p2m, base, table, pfns, slots, errors) → failures
Napi::Value localiseTables(const Napi::CallbackInfo& info) {
  const Frames p2m = framesArg(info, 0);
  const auto wanted = [](uint8_t type) { return tableLevel(type) != 0 && (type & MACHINE_FORM) == 0; };
  return turnTables(info, 1, wanted, [&](uint8_t& type, uint64_t* page) {
    const auto error = localise(p2m, page);
    if (error == 0) type |= MACHINE_FORM;
    return error;
  });
}

// missingFrames(p2m, base, slot, out: Uint32Array of 512) → how many pfns the table refers to that are not populated
Napi::Value missingFrames(const Napi::CallbackInfo& info) {
  const Frames p2m = framesArg(info, 0);
  const Bytes base = bytesArg(info, 1);
  const uint64_t slot = integerArg(info, 2, "slot", NOT_MAPPED - 1);
  const Words out = wordsArg(info, 3);
  needAtLeast(info.Env(), "base", base.size, (slot + 1) * GUEST_PAGE);
  needAtLeast(info.Env(), "out", out.size, ENTRIES);
  const uint64_t* table = tableAt(base, slot);
  size_t count = 0;
  for (size_t i = 0; i < ENTRIES; i++) {
    const uint64_t pfn = frameOf(table[i]);
    if ((table[i] & PRESENT) && pfn < p2m.size && p2m[pfn] == INVALID_FRAME) out[count++] = static_cast<uint32_t>(pfn);
  }
  return number(info.Env(), count);
}

// entryFrames(entries: BigUint64Array, start, out) → how many of the entries from `start` were present before the first that was not
Napi::Value entryFrames(const Napi::CallbackInfo& info) {
  const Frames entries = framesArg(info, 0);
  const uint64_t start = integerArg(info, 1, "start", entries.size);
  const Frames out = framesArg(info, 2);
  needAtLeast(info.Env(), "entries", entries.size, start + out.size);
  size_t i = 0;
  for (; i < out.size; i++) {
    const uint64_t entry = readOnce(&entries[start + i]);
    if (!(entry & PRESENT)) break;
    out[i] = frameOf(entry);
  }
  return number(info.Env(), i);
}

}  // namespace

void exportPvTables(Napi::Object exports) {
  Export<normaliseTables>(exports, "normaliseTables");
  Export<restoreForm>(exports, "restoreForm");
  Export<localiseTables>(exports, "localiseTables");
  Export<missingFrames>(exports, "missingFrames");
  Export<entryFrames>(exports, "entryFrames");
}
