// HVM parameters, many in one go: they are read and set while a domain stands still, and a call through FFI takes a hundred times as
// long as the hypercall.
#include <cerrno>

#include "xen.h"

namespace {

using Get = int (*)(void* xch, uint32_t domid, uint32_t param, uint64_t* value);
using Set = int (*)(void* xch, uint32_t domid, uint32_t param, uint64_t value);

// each(function, xch, domid, params: Uint32Array, values: BigUint64Array) → [how many are done, errno of the next].
template <typename Function, typename Each>
Napi::Value forEach(const Napi::CallbackInfo& info, Each each) {
  const auto function = reinterpret_cast<Function>(addressArg(info, 0, "function"));
  auto* xch = reinterpret_cast<void*>(addressArg(info, 1, "xch"));
  const auto domid = static_cast<uint32_t>(integerArg(info, 2, "domid", 0xffff));
  const Words params = wordsArg(info, 3);
  if (!info[4].IsTypedArray() || info[4].As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array)
    throw Napi::TypeError::New(info.Env(), "values must be a BigUint64Array");
  auto values = info[4].As<Napi::BigUint64Array>();
  needSameLength(info.Env(), "params", params.size, "values", values.ElementLength());
  size_t done = 0;
  int error = 0;
  for (; done < params.size; done++) {
    errno = 0;
    if (each(function, xch, domid, params[done], values.Data() + done) == 0) continue;
    error = errno != 0 ? errno : EINVAL;
    break;
  }
  auto both = Napi::Array::New(info.Env(), 2);
  both.Set(0u, number(info.Env(), static_cast<double>(done)));
  both.Set(1u, number(info.Env(), error));
  return both;
}

Napi::Value hvmParamsGet(const Napi::CallbackInfo& info) {
  return forEach<Get>(info, [](Get get, void* xch, uint32_t domid, uint32_t param, uint64_t* value) { return get(xch, domid, param, value); });
}

Napi::Value hvmParamsSet(const Napi::CallbackInfo& info) {
  return forEach<Set>(info, [](Set set, void* xch, uint32_t domid, uint32_t param, uint64_t* value) { return set(xch, domid, param, *value); });
}

}  // namespace

void exportXenParams(Napi::Object exports) {
  Export<hvmParamsGet>(exports, "hvmParamsGet");
  Export<hvmParamsSet>(exports, "hvmParamsSet");
}
