// Foreign mappings as ArrayBuffers. unmap() detaches the buffer, so that a late look at it is a TypeError and not a fault.
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "worker.h"
#include "xen.h"

namespace {

// xenforeignmemory_map2.
using MapFunction = void* (*)(void* handle, uint32_t domid, void* address, int prot, int flags, size_t pages, const uint64_t* frames,
                              int* errors);
using UnmapFunction = int (*)(void* handle, void* address, size_t pages);

std::atomic<uint32_t> openMappings{0};

struct Library {
  MapFunction map;
  UnmapFunction unmap;
  void* handle;
};

// One mmap of the hypervisor's. Lives as long as its ArrayBuffer's backing store does; the memory itself until unmap().
struct Region {
  Library library;
  void* address = nullptr;
  size_t pages = 0;

  explicit Region(const Library& of) : library(of) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { unmap(); }

  void hold(void* mapped, size_t count) {
    address = mapped;
    pages = count;
    openMappings++;
  }

  void unmap() {
    if (address == nullptr) return;
    library.unmap(library.handle, address, pages);
    address = nullptr;
    openMappings--;
  }
};

class MapWorker : public PromiseWorker {
 public:
  MapWorker(Napi::Env env, Library library, uint32_t domid, int prot, std::vector<uint64_t> frames, size_t spare)
      : PromiseWorker(env), library_(library), domid_(domid), prot_(prot), frames_(std::move(frames)),
        spare_(spare) {}

 protected:
  // A read of a page that could not be mapped is SIGBUS, so such pages are left out and the rest is mapped anew.
  void Execute() override {
    const size_t total = frames_.size();
    slots_.resize(total);
    errors_.assign(total, 0);
    std::vector<size_t> wanted(total);
    for (size_t i = 0; i < total; i++) wanted[i] = i;
    while (!wanted.empty() && !tryMap(wanted)) {
    }
    slots_.assign(total, NOT_MAPPED);
    for (size_t slot = 0; slot < wanted.size(); slot++) slots_[wanted[slot]] = slot;
  }

  Napi::Value result() override {
    const auto env = Env();
    auto result = Napi::Object::New(env);
    result.Set("errno", Napi::Number::New(env, errno_));
    result.Set("slots", copied<Napi::Uint32Array>(slots_));
    result.Set("errors", copied<Napi::Int32Array>(errors_));
    size_t failed = 0;
    for (const int error : errors_) failed += error != 0;
    result.Set("failed", Napi::Number::New(env, failed));
    if (region_) {
      auto* region = region_.get();
      auto handle = Napi::External<Region>::New(env, region);
      auto buffer = Napi::ArrayBuffer::New(
          env, region->address, region->pages * GUEST_PAGE,
          [](Napi::Env, void*, Region* gone) { delete gone; }, region);
      region_.release();
      result.Set("buffer", buffer);
      result.Set("region", handle);
    }
    return result;
  }

 private:
  // Maps the wanted pages; if some fail, takes those out of `wanted` and says no.
  bool tryMap(std::vector<size_t>& wanted) {
    std::vector<uint64_t> frames(wanted.size());
    std::vector<int> errors(wanted.size(), 0);
    for (size_t i = 0; i < wanted.size(); i++) frames[i] = frames_[wanted[i]];
    // What can fail for lack of memory comes before the mapping.
    std::vector<size_t> good;
    good.reserve(wanted.size());
    auto region = std::make_unique<Region>(library_);
    errno = 0;
    void* address = place(frames, errors);
    if (address == nullptr) {
      errno_ = errno != 0 ? errno : EINVAL;
      for (const size_t i : wanted) errors_[i] = errno_;
      wanted.clear();
      return true;
    }
    region->hold(address, frames.size() + spare_);
    for (size_t i = 0; i < wanted.size(); i++) {
      if (errors[i] == 0) {
        good.push_back(wanted[i]);
      } else {
        errors_[wanted[i]] = errors[i] < 0 ? -errors[i] : errors[i];
      }
    }
    if (good.size() == wanted.size()) {
      region_ = std::move(region);
      return true;
    }
    wanted.swap(good);
    return false;
  }

  // The pages, and behind them the spare ones, in one piece of memory.
  void* place(const std::vector<uint64_t>& frames, std::vector<int>& errors) {
    void* room = nullptr;
    if (spare_ > 0) {
      room = mmap(nullptr, (frames.size() + spare_) * GUEST_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (room == MAP_FAILED) return nullptr;
    }
    const int flags = room != nullptr ? MAP_FIXED : 0;
    void* address = library_.map(library_.handle, domid_, room, prot_, flags, frames.size(), frames.data(), errors.data());
    // The library has unmapped its own part, which may be another thread's by now.
    if (address == nullptr && room != nullptr) munmap(static_cast<char*>(room) + frames.size() * GUEST_PAGE, spare_ * GUEST_PAGE);
    return address;
  }

  template <typename Array, typename T>
  Array copied(const std::vector<T>& values) {
    auto array = Array::New(Env(), values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
  }

  Library library_;
  uint32_t domid_;
  int prot_;
  std::vector<uint64_t> frames_;
  size_t spare_;
  std::vector<uint32_t> slots_;
  std::vector<int32_t> errors_;
  std::unique_ptr<Region> region_;
  int errno_ = 0;
};

// mapForeign(map, unmap, handle: addresses, domid, writable, frames: Uint32Array | BigUint64Array, spare)
// → Promise<{ errno, slots, errors, failed, buffer?, region? }>
Napi::Value mapForeign(const Napi::CallbackInfo& info) {
  const Library library{reinterpret_cast<MapFunction>(addressArg(info, 0, "map")),
                        reinterpret_cast<UnmapFunction>(addressArg(info, 1, "unmap")),
                        reinterpret_cast<void*>(addressArg(info, 2, "handle"))};
  const auto domid = static_cast<uint32_t>(integerArg(info, 3, "domid", 0xffff));
  const int prot = info[4].ToBoolean() ? PROT_READ | PROT_WRITE : PROT_READ;
  const auto spare = static_cast<size_t>(integerArg(info, 6, "spare", GFN_LIMIT));
  return queued(std::make_unique<MapWorker>(info.Env(), library, domid, prot, frameList(info, 5), spare));
}

// unmapForeign(buffer, region): once.
Napi::Value unmapForeign(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer() || !info[1].IsExternal())
    throw Napi::TypeError::New(info.Env(), "unmapForeign takes what mapForeign gave");
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  if (buffer.IsDetached()) return info.Env().Undefined();
  // Detaching may free the region at once, so it is the last to be touched.
  info[1].As<Napi::External<Region>>().Data()->unmap();
  buffer.Detach();
  return info.Env().Undefined();
}

Napi::Value mappingsOpen(const Napi::CallbackInfo& info) { return number(info.Env(), openMappings.load()); }

}  // namespace

std::vector<uint64_t> frameList(const Napi::CallbackInfo& info, size_t i) {
  const auto value = info[i];
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_biguint64_array) {
    const auto frames = value.As<Napi::BigUint64Array>();
    return {frames.Data(), frames.Data() + frames.ElementLength()};
  }
  const Words gfns = wordsArg(info, i);
  return {gfns.begin(), gfns.end()};
}

void exportXenMap(Napi::Object exports) {
  Export<mapForeign>(exports, "mapForeign");
  Export<unmapForeign>(exports, "unmapForeign");
  Export<mappingsOpen>(exports, "mappingsOpen");
}
