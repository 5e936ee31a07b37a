// Pages for gfns of an HVM domain that have none yet.
#include <algorithm>
#include <cerrno>
#include <vector>

#include "bitmap.h"
#include "types.h"
#include "worker.h"
#include "xen.h"

namespace {

// Both return how many extents they have done, or -1 with errno.
using MemoryCall = int (*)(void* xch, uint32_t domid, unsigned long extents, unsigned order, unsigned flags, uint64_t* starts);
using ReleaseCall = int (*)(void* xch, uint32_t domid, unsigned long extents, unsigned order, uint64_t* starts);

constexpr unsigned SUPERPAGE_ORDER = 9;
constexpr uint64_t SUPERPAGE = uint64_t{1} << SUPERPAGE_ORDER;

class PopulateWorker : public PromiseWorker {
 public:
  PopulateWorker(Napi::Env env, MemoryCall populate, ReleaseCall release, void* xch, uint32_t domid, std::vector<uint64_t> gfns)
      : PromiseWorker(env), populate_(populate), release_(release), xch_(xch), domid_(domid),
        gfns_(std::move(gfns)) {}

 protected:
  void Execute() override {
    std::sort(gfns_.begin(), gfns_.end());
    gfns_.erase(std::unique(gfns_.begin(), gfns_.end()), gfns_.end());
    // All memory is had before the domain gets its first page, so that nothing can fail between that and giving it back.
    std::vector<uint64_t> small;
    small.reserve(gfns_.size());
    large_.reserve(gfns_.size() / SUPERPAGE);
    frames_.reserve(gfns_.size());
    for (size_t i = 0; i < gfns_.size();) {
      if (wholeSuperpage(i)) {
        large_.push_back(gfns_[i]);
        i += SUPERPAGE;
      } else {
        small.push_back(gfns_[i++]);
      }
    }
    // Whole 2 MiB are mapped as one, as the domain's builder does it. Where memory is too fragmented for that, page by page.
    const size_t done = extents(large_, SUPERPAGE_ORDER);
    for (size_t i = done; i < large_.size(); i++)
      for (uint64_t page = 0; page < SUPERPAGE; page++) small.push_back(large_[i] + page);
    large_.resize(done);
    const size_t got = extents(small, 0);
    if (got == small.size()) return;
    error_ = errno_ != 0 ? errno_ : ENOMEM;
    small.resize(got);
    giveBack(small, 0);
    giveBack(large_, SUPERPAGE_ORDER);
  }

  Napi::Value result() override { return number(Env(), error_); }

 private:
  bool wholeSuperpage(size_t i) const {
    return gfns_[i] % SUPERPAGE == 0 && i + SUPERPAGE <= gfns_.size() && gfns_[i + SUPERPAGE - 1] == gfns_[i] + SUPERPAGE - 1;
  }

  size_t extents(const std::vector<uint64_t>& starts, unsigned order) {
    if (starts.empty()) return 0;
    frames_.assign(starts.begin(), starts.end());
    errno = 0;
    const int done = populate_(xch_, domid_, frames_.size(), order, 0, frames_.data());
    errno_ = errno;
    return done < 0 ? 0 : done;
  }

  void giveBack(std::vector<uint64_t>& starts, unsigned order) {
    if (!starts.empty()) release_(xch_, domid_, starts.size(), order, starts.data());
  }

  MemoryCall populate_;
  ReleaseCall release_;
  void* xch_;
  uint32_t domid_;
  std::vector<uint64_t> gfns_;
  std::vector<uint64_t> large_;
  // What the hypervisor may write to.
  std::vector<uint64_t> frames_;
  int errno_ = 0;
  int error_ = 0;
};

// wanting(gfns, types: Uint8Array | undefined, present: bitmap, out: Uint32Array) → how many gfns of a stream's batch want a page:
// neither XTAB nor BROKEN, and not in the bitmap.
Napi::Value wanting(const Napi::CallbackInfo& info) {
  const Words gfns = wordsArg(info, 0);
  const bool typed = !info[1].IsUndefined();
  const Bytes types = typed ? bytesArg(info, 1) : Bytes{nullptr, gfns.size};
  const Bytes known = bytesArg(info, 2);
  const Words out = wordsArg(info, 3);
  needSameLength(info.Env(), "gfns", gfns.size, "types", types.size);
  needAtLeast(info.Env(), "out", out.size, gfns.size);
  size_t count = 0;
  for (size_t i = 0; i < gfns.size; i++) {
    if (typed && (types[i] == XTAB || types[i] == BROKEN)) continue;
    if (gfns[i] / 8 < known.size && testBit(known, gfns[i])) continue;
    out[count++] = gfns[i];
  }
  return number(info.Env(), count);
}

// ofTypes(gfns, types: Uint8Array, wanted: Uint8Array of 256 flags, out: Uint32Array, which may be gfns) → how many are of a wanted type
Napi::Value ofTypes(const Napi::CallbackInfo& info) {
  const Words gfns = wordsArg(info, 0);
  const Bytes types = bytesArg(info, 1);
  const Bytes wanted = bytesArg(info, 2);
  const Words out = wordsArg(info, 3);
  needSameLength(info.Env(), "gfns", gfns.size, "types", types.size);
  needAtLeast(info.Env(), "wanted", wanted.size, 256);
  needAtLeast(info.Env(), "out", out.size, gfns.size);
  size_t count = 0;
  for (size_t i = 0; i < gfns.size; i++) {
    if (wanted[types[i]]) out[count++] = gfns[i];
  }
  return number(info.Env(), count);
}

// gfnsEnd(gfns) → the highest plus one; 0 if there is none
Napi::Value gfnsEnd(const Napi::CallbackInfo& info) {
  const Words gfns = wordsArg(info, 0);
  const uint32_t* highest = std::max_element(gfns.begin(), gfns.end());
  return number(info.Env(), highest == gfns.end() ? 0 : static_cast<double>(*highest) + 1);
}

// populateGfns(populate, release: addresses, xch, domid, gfns) → Promise<errno>; all or nothing.
Napi::Value populateGfns(const Napi::CallbackInfo& info) {
  const Words gfns = wordsArg(info, 4);
  return queued(std::make_unique<PopulateWorker>(
      info.Env(), reinterpret_cast<MemoryCall>(addressArg(info, 0, "populate")),
      reinterpret_cast<ReleaseCall>(addressArg(info, 1, "release")), reinterpret_cast<void*>(addressArg(info, 2, "xch")),
      static_cast<uint32_t>(integerArg(info, 3, "domid", 0xffff)), std::vector<uint64_t>(gfns.begin(), gfns.end())));
}

}  // namespace

void exportXenPopulate(Napi::Object exports) {
  Export<wanting>(exports, "wanting");
  Export<ofTypes>(exports, "ofTypes");
  Export<gfnsEnd>(exports, "gfnsEnd");
  Export<populateGfns>(exports, "populateGfns");
}
