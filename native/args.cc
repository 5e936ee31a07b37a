#include "args.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace {

template <typename T>
Span<T> arrayArg(const Napi::CallbackInfo& info, size_t i, napi_typedarray_type expected, const char* what) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  const napi_value value = info[i];
  const napi_status status = napi_get_typedarray_info(info.Env(), value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != expected) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i + 1) + " must be " + what);
  }
  return {static_cast<T*>(data), length};
}

[[noreturn]] void outOfRange(Napi::Env env, const std::string& message) { throw Napi::RangeError::New(env, message); }

// The largest value decides without a branch per element; the search for the culprit is left to the failure.
template <typename T>
void needAllBelow(Napi::Env env, const char* name, Span<T> values, uint64_t limit) {
  T largest = 0;
  for (const T value : values) largest = std::max(largest, value);
  if (values.size == 0 || largest < limit) return;
  const size_t i = std::find_if(values.begin(), values.end(), [&](T v) { return v >= limit; }) - values.begin();
  outOfRange(env, std::string(name) + "[" + std::to_string(i) + "] is not below " + std::to_string(limit));
}

}  // namespace

Bytes bytesArg(const Napi::CallbackInfo& info, size_t i) {
  return arrayArg<uint8_t>(info, i, napi_uint8_array, "a Uint8Array");
}

Words wordsArg(const Napi::CallbackInfo& info, size_t i) {
  return arrayArg<uint32_t>(info, i, napi_uint32_array, "a Uint32Array");
}

uint64_t integerArg(const Napi::CallbackInfo& info, size_t i, const char* name, uint64_t max) {
  const Napi::Value argument = info[i];
  const double value = argument.IsNumber() ? argument.As<Napi::Number>().DoubleValue() : std::nan("");
  // Written so that NaN fails.
  if (value >= 0 && value <= static_cast<double>(max) && value == std::floor(value)) return static_cast<uint64_t>(value);
  outOfRange(info.Env(), std::string(name) + " must be an integer from 0 to " + std::to_string(max));
}

void needAtLeast(Napi::Env env, const char* name, size_t size, uint64_t needed) {
  if (size >= needed) return;
  outOfRange(env, std::string(name) + " has " + std::to_string(size) + " elements, needs " + std::to_string(needed));
}

void needSameLength(Napi::Env env, const char* a, size_t sizeA, const char* b, size_t sizeB) {
  if (sizeA != sizeB) outOfRange(env, std::string(a) + " and " + b + " differ in length");
}

void needMultiple(Napi::Env env, const char* name, size_t size, size_t of) {
  if (size % of == 0) return;
  outOfRange(env, std::string(name) + " has " + std::to_string(size) + " elements, needs a multiple of " + std::to_string(of));
}

void needBelow(Napi::Env env, const char* name, Bytes values, uint64_t limit) { needAllBelow(env, name, values, limit); }
void needBelow(Napi::Env env, const char* name, Words values, uint64_t limit) { needAllBelow(env, name, values, limit); }

size_t needSlots(Napi::Env env, Words slots, Bytes base) {
  const uint64_t limit = base.size / GUEST_PAGE;
  size_t present = 0;
  for (size_t i = 0; i < slots.size; i++) {
    if (slots[i] == NOT_MAPPED) continue;
    if (slots[i] >= limit) outOfRange(env, "slots[" + std::to_string(i) + "] is not below " + std::to_string(limit));
    present++;
  }
  return present;
}
