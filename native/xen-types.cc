// Page types as the hypervisor knows them. Off the event loop: one hypercall for each 1,024 gfns, of which a PVH domain's address
// space has a thousand.
#include <algorithm>
#include <cerrno>
#include <vector>

#include "bitmap.h"
#include "pv-frames.h"
#include "types.h"
#include "worker.h"
#include "xen.h"

namespace {

// XEN_DOMCTL_getpageframeinfo3 takes no more at a time (xen/arch/x86/domctl.c).
constexpr size_t BATCH = 1024;

struct Query {
  PfnTypeBatch types;
  void* xch;
  uint32_t domid;

  // Turns frames into type information in place; 0 or an errno.
  int ask(std::vector<uint64_t>& frames) const {
    errno = 0;
    return types(xch, domid, frames.size(), frames.data()) == 0 ? 0 : errno != 0 ? errno : EINVAL;
  }
};

class TypesWorker : public PromiseWorker {
 public:
  TypesWorker(Napi::Env env, Query query, std::vector<uint64_t> frames)
      : PromiseWorker(env), query_(query), frames_(std::move(frames)) {}

 protected:
  void Execute() override { errno_ = frames_.empty() ? 0 : query_.ask(frames_); }
  Napi::Value result() override {
    if (errno_ != 0) return number(Env(), -errno_);
    auto types = Napi::Uint8Array::New(Env(), frames_.size());
    for (size_t i = 0; i < frames_.size(); i++) types[i] = pfnInfoType(frames_[i]);
    return types;
  }

 private:
  Query query_;
  std::vector<uint64_t> frames_;
  int errno_ = 0;
};

// What the hypervisor calls a gfn of an HVM domain, and a pfn of a PV domain that has this P2M.
struct Naming {
  bool physical;
  Frames p2m;

  uint64_t frame(uint64_t gfn) const { return physical ? gfn : machineFrame(p2m, gfn); }
};

class HolesWorker : public PromiseWorker {
 public:
  // `kept`: the JavaScript arrays that `naming` and `bitmap` point into.
  HolesWorker(Napi::Env env, Query query, Naming naming, Bytes bitmap, uint64_t pages, std::vector<Napi::ObjectReference> kept)
      : PromiseWorker(env), query_(query), naming_(naming), bitmap_(bitmap), pages_(pages), kept_(std::move(kept)) {}

 protected:
  void Execute() override {
    std::vector<uint64_t> gfns;
    gfns.reserve(BATCH);
    for (uint64_t gfn = 0; gfn < pages_ && errno_ == 0; gfn++) {
      if (gfn % 8 == 0 && bitmap_[gfn / 8] == 0) {
        gfn += 7;
        continue;
      }
      if (!testBit(bitmap_, gfn)) continue;
      gfns.push_back(gfn);
      if (gfns.size() == BATCH) drop(gfns);
    }
    if (errno_ == 0 && !gfns.empty()) drop(gfns);
  }
  Napi::Value result() override { return number(Env(), errno_ != 0 ? -static_cast<double>(errno_) : left_); }

 private:
  void drop(std::vector<uint64_t>& gfns) {
    std::vector<uint64_t> infos(gfns.size());
    std::transform(gfns.begin(), gfns.end(), infos.begin(), [this](uint64_t gfn) { return naming_.frame(gfn); });
    errno_ = query_.ask(infos);
    if (errno_ != 0) return;
    for (size_t i = 0; i < gfns.size(); i++) {
      if (pfnInfoType(infos[i]) == XTAB) {
        bitmap_[gfns[i] / 8] &= ~(1 << gfns[i] % 8);
      } else {
        left_++;
      }
    }
    gfns.clear();
  }

  Query query_;
  Naming naming_;
  Bytes bitmap_;
  uint64_t pages_;
  std::vector<Napi::ObjectReference> kept_;
  double left_ = 0;
  int errno_ = 0;
};

Query queryArg(const Napi::CallbackInfo& info) {
  return {reinterpret_cast<PfnTypeBatch>(addressArg(info, 0, "types")), reinterpret_cast<void*>(addressArg(info, 1, "xch")),
          static_cast<uint32_t>(integerArg(info, 2, "domid", 0xffff))};
}

// pfnTypes(function, xch, domid, frames: Uint32Array | BigUint64Array, at most 1,024) → Promise<Uint8Array | -errno>
Napi::Value pfnTypes(const Napi::CallbackInfo& info) {
  auto frames = frameList(info, 3);
  if (frames.size() > BATCH) throw Napi::RangeError::New(info.Env(), "at most 1,024 frames");
  return queued(std::make_unique<TypesWorker>(info.Env(), queryArg(info), std::move(frames)));
}

// dropHoles(function, xch, domid, bitmap: Uint8Array, pages, p2m: BigUint64Array | undefined) → Promise<bits left | -errno>. The bitmap is
// changed meanwhile; the P2M must stay mapped.
Napi::Value dropHoles(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytesArg(info, 3);
  const uint64_t pages = integerArg(info, 4, "pages", GFN_LIMIT);
  needAtLeast(info.Env(), "bitmap", bitmap.size, (pages + 7) / 8);
  const bool physical = info[5].IsUndefined();
  const Naming naming{physical, physical ? Frames{nullptr, 0} : framesArg(info, 5)};
  std::vector<Napi::ObjectReference> kept;
  kept.push_back(Napi::Persistent(info[3].As<Napi::Object>()));
  if (!physical) kept.push_back(Napi::Persistent(info[5].As<Napi::Object>()));
  return queued(std::make_unique<HolesWorker>(info.Env(), queryArg(info), naming, bitmap, pages, std::move(kept)));
}

}  // namespace

void exportXenTypes(Napi::Object exports) {
  Export<pfnTypes>(exports, "pfnTypes");
  Export<dropHoles>(exports, "dropHoles");
}
