// Pages that are held after their domain is gone (src/backends/xen/held-pages.ts): their gfns, ascending, and the slot of each in the
// mapping that it lies in; so many pages, a piece, share a mapping. A page that has been let go has no slot any more.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "args.h"
#include "pv-frames.h"

namespace {

struct Held {
  Words gfns;
  Words slots;
  size_t perPiece;

  size_t pieces() const { return (gfns.size + perPiece - 1) / perPiece; }

  // The place of the gfn, or the end if it is not held. Batches are mostly runs, so it is looked for behind the last one first.
  size_t find(uint32_t gfn, size_t last) const {
    size_t place = last + 1;
    if (place >= gfns.size || gfns[place] != gfn) place = std::lower_bound(gfns.begin(), gfns.end(), gfn) - gfns.begin();
    return place < gfns.size && gfns[place] == gfn && slots[place] != NOT_MAPPED ? place : gfns.size;
  }

  // Calls page(number in the batch, place) for those that are held.
  template <typename Page>
  void each(Words batch, Page page) const {
    size_t last = 0;
    for (size_t i = 0; i < batch.size; i++) {
      const size_t place = find(batch[i], last);
      if (place == gfns.size) continue;
      last = place;
      page(i, place);
    }
  }
};

// Arguments 0 to 2.
Held heldArg(const Napi::CallbackInfo& info) {
  const Held held{wordsArg(info, 0), wordsArg(info, 1), static_cast<size_t>(integerArg(info, 2, "perPiece", GFN_LIMIT))};
  needSameLength(info.Env(), "gfns", held.gfns.size, "slots", held.slots.size);
  if (held.perPiece == 0) throw Napi::RangeError::New(info.Env(), "perPiece must not be 0");
  return held;
}

// heldSlots(gfns, slots, perPiece, batch, out: Uint32Array, errors: Int32Array) → { failed, piece }; piece: -1 unless all that are held lie
// in one, and 0 if none is.
Napi::Value heldSlots(const Napi::CallbackInfo& info) {
  const Held held = heldArg(info);
  const Words batch = wordsArg(info, 3);
  const Words out = wordsArg(info, 4);
  const auto errors = integersArg(info, 5);
  needAtLeast(info.Env(), "out", out.size, batch.size);
  needAtLeast(info.Env(), "errors", errors.size, batch.size);
  std::fill_n(out.begin(), batch.size, NOT_MAPPED);
  std::fill_n(errors.begin(), batch.size, EINVAL);
  size_t failed = batch.size;
  size_t lowest = SIZE_MAX;
  size_t highest = 0;
  held.each(batch, [&](size_t i, size_t place) {
    out[i] = held.slots[place];
    errors[i] = 0;
    failed--;
    lowest = std::min(lowest, place / held.perPiece);
    highest = std::max(highest, place / held.perPiece);
  });
  auto result = Napi::Object::New(info.Env());
  result.Set("failed", number(info.Env(), failed));
  result.Set("piece", number(info.Env(), failed == batch.size ? 0 : lowest == highest ? static_cast<double>(lowest) : -1));
  return result;
}

// The memory of piece number `piece` in an array of Uint8Array.
Bytes baseAt(const Napi::CallbackInfo& info, const Napi::Array& bases, size_t piece) {
  const Napi::Value value = bases.Get(static_cast<uint32_t>(piece));
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(info.Env(), "bases must be an array of Uint8Array");
  auto base = value.As<Napi::Uint8Array>();
  return {base.Data(), base.ElementLength()};
}

// copyHeld(gfns, slots, perPiece, batch, bases: Uint8Array[], out: Uint8Array, at: Uint32Array): page i of the batch to page i of `out`,
// where at[i] says that it is; those that are not held are left out.
Napi::Value copyHeld(const Napi::CallbackInfo& info) {
  const Held held = heldArg(info);
  const Words batch = wordsArg(info, 3);
  if (!info[4].IsArray()) throw Napi::TypeError::New(info.Env(), "bases must be an array of Uint8Array");
  const auto bases = info[4].As<Napi::Array>();
  const Bytes out = bytesArg(info, 5);
  const Words at = wordsArg(info, 6);
  needAtLeast(info.Env(), "out", out.size, uint64_t{batch.size} * GUEST_PAGE);
  needAtLeast(info.Env(), "at", at.size, batch.size);
  std::vector<const uint8_t*> sources(batch.size, nullptr);
  size_t known = SIZE_MAX;
  Bytes base{nullptr, 0};
  held.each(batch, [&](size_t i, size_t place) {
    if (place / held.perPiece != known) {
      known = place / held.perPiece;
      base = baseAt(info, bases, known);
    }
    needAtLeast(info.Env(), "a base", base.size, (uint64_t{held.slots[place]} + 1) * GUEST_PAGE);
    sources[i] = base.data + held.slots[place] * GUEST_PAGE;
  });
  for (size_t i = 0; i < batch.size; i++) {
    at[i] = sources[i] != nullptr ? static_cast<uint32_t>(i) : NOT_MAPPED;
    if (sources[i] != nullptr) std::memcpy(out.data + i * GUEST_PAGE, sources[i], GUEST_PAGE);
  }
  return info.Env().Undefined();
}

// releaseHeld(gfns, slots, perPiece, batch, left: Uint32Array, of each piece how many are held) → how many have been let go
Napi::Value releaseHeld(const Napi::CallbackInfo& info) {
  const Held held = heldArg(info);
  const Words batch = wordsArg(info, 3);
  const Words left = wordsArg(info, 4);
  needAtLeast(info.Env(), "left", left.size, held.pieces());
  size_t released = 0;
  held.each(batch, [&](size_t, size_t place) {
    held.slots[place] = NOT_MAPPED;
    left[place / held.perPiece]--;
    released++;
  });
  return number(info.Env(), released);
}

}  // namespace

void exportXenHeld(Napi::Object exports) {
  Export<heldSlots>(exports, "heldSlots");
  Export<copyHeld>(exports, "copyHeld");
  Export<releaseHeld>(exports, "releaseHeld");
}
