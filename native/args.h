// Arguments of a call, checked. Every function checks all of its arguments before it writes a byte, in the order and with
// the messages of src/native/fallback/checks.ts.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bitmaps and digests are read as little-endian words");

constexpr size_t GUEST_PAGE = 4096;
constexpr uint32_t NOT_MAPPED = 0xffffffff;
// gfns are 32 bits wide, so this many there are.
constexpr uint64_t GFN_LIMIT = uint64_t{1} << 32;

// A typed array's memory. Valid for the length of the call: JavaScript cannot run, so it can neither detach nor move it.
template <typename T>
struct Span {
  T* data;
  size_t size;
  T* begin() const { return data; }
  T* end() const { return data + size; }
  T& operator[](size_t i) const { return data[i]; }
};
using Bytes = Span<uint8_t>;
using Words = Span<uint32_t>;

// Uint8Array or Uint32Array number i of the call; TypeError for anything else.
Bytes bytesArg(const Napi::CallbackInfo& info, size_t i);
Words wordsArg(const Napi::CallbackInfo& info, size_t i);
// A number of the call that must be an integer from 0 to max.
uint64_t integerArg(const Napi::CallbackInfo& info, size_t i, const char* name, uint64_t max);

// These throw RangeError.
void needAtLeast(Napi::Env env, const char* name, size_t size, uint64_t needed);
void needSameLength(Napi::Env env, const char* a, size_t sizeA, const char* b, size_t sizeB);
void needMultiple(Napi::Env env, const char* name, size_t size, size_t of);
void needBelow(Napi::Env env, const char* name, Bytes values, uint64_t limit);
void needBelow(Napi::Env env, const char* name, Words values, uint64_t limit);
// Each slot lies within base or is NOT_MAPPED. Returns how many do.
size_t needSlots(Napi::Env env, Words slots, Bytes base);

inline Napi::Value number(Napi::Env env, double value) { return Napi::Number::New(env, value); }

// A function of the addon: Export<bitmapOr>(exports, "bitmapOr").
using Callback = Napi::Value (*)(const Napi::CallbackInfo&);
template <Callback callback>
void Export(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<callback>(exports.Env(), name));
}
