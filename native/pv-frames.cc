// Frame numbers of a PV domain by the batch: pfn to mfn and back, and the tables that hold them.
#include "pv-frames.h"

#include <algorithm>
#include <string>

#include "types.h"

namespace {

// machineFrames(p2m, pfns: Uint32Array, out: BigUint64Array)
Napi::Value machineFrames(const Napi::CallbackInfo& info) {
  const Frames p2m = framesArg(info, 0);
  const Words pfns = wordsArg(info, 1);
  const Frames out = framesArg(info, 2);
  needAtLeast(info.Env(), "out", out.size, pfns.size);
  for (size_t i = 0; i < pfns.size; i++) out[i] = machineFrame(p2m, pfns[i]);
  return info.Env().Undefined();
}

// widenFrames(pfns: Uint32Array, out: BigUint64Array)
Napi::Value widenFrames(const Napi::CallbackInfo& info) {
  const Words pfns = wordsArg(info, 0);
  const Frames out = framesArg(info, 1);
  needAtLeast(info.Env(), "out", out.size, pfns.size);
  std::copy(pfns.begin(), pfns.end(), out.begin());
  return info.Env().Undefined();
}

// physicalFrames(m2p, p2m, mfns, out: Uint32Array) → how many could be translated before the first that could not
Napi::Value physicalFrames(const Napi::CallbackInfo& info) {
  const Frames m2p = framesArg(info, 0);
  const Frames p2m = framesArg(info, 1);
  const Frames mfns = framesArg(info, 2);
  const Words out = wordsArg(info, 3);
  needAtLeast(info.Env(), "out", out.size, mfns.size);
  size_t i = 0;
  for (; i < mfns.size; i++) {
    const uint64_t pfn = physicalFrame(m2p, p2m, mfns[i]);
    if (pfn >= GFN_LIMIT) break;
    out[i] = static_cast<uint32_t>(pfn);
  }
  return number(info.Env(), i);
}

// setMachineFrames(p2m, pfns: Uint32Array, mfns)
Napi::Value setMachineFrames(const Napi::CallbackInfo& info) {
  const Frames p2m = framesArg(info, 0);
  const Words pfns = wordsArg(info, 1);
  const Frames mfns = framesArg(info, 2);
  needSameLength(info.Env(), "pfns", pfns.size, "mfns", mfns.size);
  needBelow(info.Env(), "pfns", pfns, p2m.size);
  for (size_t i = 0; i < pfns.size; i++) p2m[pfns[i]] = mfns[i];
  return info.Env().Undefined();
}

// wantedFrames(p2m, pfns: Uint32Array, types: Uint8Array | undefined, out: Uint32Array) → how many pfns of a stream's batch want a
// page: neither XTAB nor BROKEN, and not populated. Ascending, each once.
Napi::Value wantedFrames(const Napi::CallbackInfo& info) {
  const Frames p2m = framesArg(info, 0);
  const Words pfns = wordsArg(info, 1);
  const bool typed = !info[2].IsUndefined();
  const Bytes types = typed ? bytesArg(info, 2) : Bytes{nullptr, pfns.size};
  const Words out = wordsArg(info, 3);
  needSameLength(info.Env(), "pfns", pfns.size, "types", types.size);
  needBelow(info.Env(), "pfns", pfns, p2m.size);
  needAtLeast(info.Env(), "out", out.size, pfns.size);
  uint32_t* end = out.begin();
  for (size_t i = 0; i < pfns.size; i++) {
    if (typed && (types[i] == XTAB || types[i] == BROKEN)) continue;
    if (p2m[pfns[i]] == INVALID_FRAME) *end++ = pfns[i];
  }
  std::sort(out.begin(), end);
  return number(info.Env(), std::unique(out.begin(), end) - out.begin());
}

// heldFrames(p2m, pfns: Uint32Array, out: Uint32Array, which may be pfns) → how many pfns have a page, in order
Napi::Value heldFrames(const Napi::CallbackInfo& info) {
  const Frames p2m = framesArg(info, 0);
  const Words pfns = wordsArg(info, 1);
  const Words out = wordsArg(info, 2);
  needAtLeast(info.Env(), "out", out.size, pfns.size);
  size_t count = 0;
  for (size_t i = 0; i < pfns.size; i++) {
    if (machineFrame(p2m, pfns[i]) != INVALID_FRAME) out[count++] = pfns[i];
  }
  return number(info.Env(), count);
}

// setTypes(table: Uint8Array, pfns: Uint32Array, types: Uint8Array, as: Uint8Array of 256 | undefined): pfns beyond the table are left
// out.
Napi::Value setTypes(const Napi::CallbackInfo& info) {
  const Bytes table = bytesArg(info, 0);
  const Words pfns = wordsArg(info, 1);
  const Bytes types = bytesArg(info, 2);
  const bool turned = !info[3].IsUndefined();
  const Bytes as = turned ? bytesArg(info, 3) : Bytes{nullptr, 256};
  needSameLength(info.Env(), "pfns", pfns.size, "types", types.size);
  needAtLeast(info.Env(), "as", as.size, 256);
  for (size_t i = 0; i < pfns.size; i++) {
    if (pfns[i] < table.size) table[pfns[i]] = turned ? as[types[i]] : types[i];
  }
  return info.Env().Undefined();
}

// typesAt(table: Uint8Array, pfns: Uint32Array, mask, out: Uint8Array): XTAB beyond the table.
Napi::Value typesAt(const Napi::CallbackInfo& info) {
  const Bytes table = bytesArg(info, 0);
  const Words pfns = wordsArg(info, 1);
  const auto mask = static_cast<uint8_t>(integerArg(info, 2, "mask", 255));
  const Bytes out = bytesArg(info, 3);
  needAtLeast(info.Env(), "out", out.size, pfns.size);
  for (size_t i = 0; i < pfns.size; i++) out[i] = (pfns[i] < table.size ? table[pfns[i]] : XTAB) & mask;
  return info.Env().Undefined();
}

// findBytes(table: Uint8Array, wanted: Uint8Array of 256 flags, start, out: Uint32Array) → how many were found
Napi::Value findBytes(const Napi::CallbackInfo& info) {
  const Bytes table = bytesArg(info, 0);
  const Bytes wanted = bytesArg(info, 1);
  const uint64_t start = integerArg(info, 2, "start", GFN_LIMIT);
  const Words out = wordsArg(info, 3);
  needAtLeast(info.Env(), "wanted", wanted.size, 256);
  size_t found = 0;
  for (size_t i = start; i < std::min<size_t>(table.size, GFN_LIMIT) && found < out.size; i++) {
    if (wanted[table[i]]) out[found++] = static_cast<uint32_t>(i);
  }
  return number(info.Env(), found);
}

}  // namespace

namespace {

template <typename Array, typename T>
Span<T> typedArg(const Napi::CallbackInfo& info, size_t i, napi_typedarray_type type, const char* what) {
  const Napi::Value value = info[i];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i + 1) + " must be " + what);
  }
  auto array = value.As<Array>();
  return {array.Data(), array.ElementLength()};
}

}  // namespace

Frames framesArg(const Napi::CallbackInfo& info, size_t i) {
  return typedArg<Napi::BigUint64Array, uint64_t>(info, i, napi_biguint64_array, "a BigUint64Array");
}

Span<int32_t> integersArg(const Napi::CallbackInfo& info, size_t i) {
  return typedArg<Napi::Int32Array, int32_t>(info, i, napi_int32_array, "an Int32Array");
}

void exportPvFrames(Napi::Object exports) {
  Export<machineFrames>(exports, "machineFrames");
  Export<widenFrames>(exports, "widenFrames");
  Export<physicalFrames>(exports, "physicalFrames");
  Export<setMachineFrames>(exports, "setMachineFrames");
  Export<wantedFrames>(exports, "wantedFrames");
  Export<heldFrames>(exports, "heldFrames");
  Export<setTypes>(exports, "setTypes");
  Export<typesAt>(exports, "typesAt");
  Export<findBytes>(exports, "findBytes");
}
