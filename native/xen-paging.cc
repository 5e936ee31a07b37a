// Memory paging: pages out and in by the batch, and the ring through which Xen asks for one (xen/include/public/vm_event.h,
// public/io/ring.h, tools/xenpaging/xenpaging.c).
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "worker.h"
#include "xen.h"

namespace {

// int xc_mem_paging_nominate, _evict, _prep(xch, domid, gfn)
using GfnCall = int (*)(void* xch, uint32_t domid, uint64_t gfn);
// int xc_mem_paging_load(xch, domid, gfn, page)
using LoadCall = int (*)(void* xch, uint32_t domid, uint64_t gfn, void* page);

int errnoOf(int result) { return result == 0 ? 0 : errno; }

// A page on its own, since libxc locks it in memory for the call and unlocks it again.
struct Page {
  void* address = mmap(nullptr, GUEST_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Page() = default;
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() {
    if (address != MAP_FAILED) munmap(address, GUEST_PAGE);
  }
};

// One errno a gfn; and which gfns are out, in a bitmap that changes on JavaScript's thread alone.
class Batch : public PromiseWorker {
 public:
  Batch(Napi::Env env, void* xch, uint32_t domid, Words gfns, const Napi::Uint8Array& out)
      : PromiseWorker(env), xch_(xch), domid_(domid), gfns_(gfns.begin(), gfns.end()), errors_(gfns_.size(), 0),
        out_(Napi::Persistent(out)) {}

 protected:
  virtual void mark(uint8_t& byte, uint8_t bit, int errnum) const = 0;

  Napi::Value result() override {
    auto out = out_.Value();
    for (size_t i = 0; i < gfns_.size(); i++) {
      if (gfns_[i] / 8 < out.ByteLength()) mark(out.Data()[gfns_[i] / 8], static_cast<uint8_t>(1u << (gfns_[i] % 8)), errors_[i]);
    }
    auto errors = Napi::Int32Array::New(Env(), errors_.size());
    memcpy(errors.Data(), errors_.data(), errors_.size() * sizeof(int32_t));
    return errors;
  }

  void* xch_;
  uint32_t domid_;
  std::vector<uint32_t> gfns_;
  std::vector<int32_t> errors_;

 private:
  Napi::Reference<Napi::Uint8Array> out_;
};

class PageOut : public Batch {
 public:
  PageOut(Napi::Env env, GfnCall nominate, GfnCall evict, void* xch, uint32_t domid, Words gfns, const Napi::Uint8Array& out)
      : Batch(env, xch, domid, gfns, out), nominate_(nominate), evict_(evict) {}

 protected:
  void Execute() override {
    for (size_t i = 0; i < gfns_.size(); i++) {
      errors_[i] = errnoOf(nominate_(xch_, domid_, gfns_[i]));
      // So Xen calls a gfn without a page.
      if (errors_[i] == EINVAL) errors_[i] = ENOENT;
      if (errors_[i] == 0) errors_[i] = errnoOf(evict_(xch_, domid_, gfns_[i]));
    }
  }

  void mark(uint8_t& byte, uint8_t bit, int errnum) const override {
    if (errnum == 0) byte |= bit;
  }

 private:
  GfnCall nominate_;
  GfnCall evict_;
};

class PageIn : public Batch {
 public:
  PageIn(Napi::Env env, LoadCall load, void* xch, uint32_t domid, Words gfns, const Napi::Uint8Array& data, const Napi::Uint8Array& out)
      : Batch(env, xch, domid, gfns, out), load_(load), data_(data.Data()), memory_(Napi::Persistent(static_cast<Napi::Object>(data))) {}

 protected:
  void Execute() override {
    Page page;
    for (size_t i = 0; i < gfns_.size(); i++) {
      if (page.address == MAP_FAILED) {
        errors_[i] = ENOMEM;
        continue;
      }
      memcpy(page.address, data_ + i * GUEST_PAGE, GUEST_PAGE);
      errors_[i] = errnoOf(load_(xch_, domid_, gfns_[i], page.address));
    }
  }

  // ENOENT: it is there, or there is no such page any more.
  void mark(uint8_t& byte, uint8_t bit, int errnum) const override {
    if (errnum == 0 || errnum == ENOENT) byte &= static_cast<uint8_t>(~bit);
  }

 private:
  LoadCall load_;
  const uint8_t* data_;
  Napi::ObjectReference memory_;
};

void* handleArg(const Napi::CallbackInfo& info, size_t i) { return reinterpret_cast<void*>(addressArg(info, i, "xch")); }
uint32_t domidArg(const Napi::CallbackInfo& info, size_t i) { return static_cast<uint32_t>(integerArg(info, i, "domid", 0xffff)); }

Napi::Uint8Array outArg(const Napi::CallbackInfo& info, size_t i) {
  bytesArg(info, i);
  return info[i].As<Napi::Uint8Array>();
}

// pageOut(nominate, evict, xch, domid, gfns, out)
Napi::Value pageOut(const Napi::CallbackInfo& info) {
  const auto nominate = reinterpret_cast<GfnCall>(addressArg(info, 0, "nominate"));
  const auto evict = reinterpret_cast<GfnCall>(addressArg(info, 1, "evict"));
  return queued(std::make_unique<PageOut>(info.Env(), nominate, evict, handleArg(info, 2), domidArg(info, 3), wordsArg(info, 4),
                                          outArg(info, 5)));
}

// pageIn(load, xch, domid, gfns, data, out)
Napi::Value pageIn(const Napi::CallbackInfo& info) {
  const auto load = reinterpret_cast<LoadCall>(addressArg(info, 0, "load"));
  const Words gfns = wordsArg(info, 3);
  needAtLeast(info.Env(), "data", bytesArg(info, 4).size, uint64_t{gfns.size} * GUEST_PAGE);
  const auto data = info[4].As<Napi::Uint8Array>();
  return queued(std::make_unique<PageIn>(info.Env(), load, handleArg(info, 1), domidArg(info, 2), gfns, data, outArg(info, 5)));
}

// struct vm_event_sring: producers and the indices at which the other side wants to be told, then the slots.
struct Ring {
  std::atomic<uint32_t> requests;
  std::atomic<uint32_t> requestEvent;
  std::atomic<uint32_t> responses;
  std::atomic<uint32_t> responseEvent;
};
constexpr size_t SLOTS_AT = 64;
// What of a slot is read and written: up to the end of union u.mem_paging. A slot is larger, and that differs between Xens.
struct Event {
  uint32_t version, flags, reason, vcpu;
  uint16_t altp2m;
  uint16_t padding[3];
  uint64_t gfn;
  uint32_t type, pageFlags;
};
static_assert(sizeof(Event) == 40);

// Room for so many slots, a power of two, as __RING_SIZE has it.
uint32_t slotsOf(size_t slotBytes) {
  uint32_t slots = 1;
  while (2 * slots * slotBytes <= GUEST_PAGE - SLOTS_AT) slots *= 2;
  return slots;
}

struct RingPage {
  uint8_t* base;
  size_t slotBytes;
  Ring& ring() const { return *reinterpret_cast<Ring*>(base); }
  uint8_t* slot(uint32_t index) const { return base + SLOTS_AT + (index & (slotsOf(slotBytes) - 1)) * slotBytes; }
};

RingPage ringArg(const Napi::CallbackInfo& info) {
  const Bytes page = bytesArg(info, 0);
  needAtLeast(info.Env(), "ring", page.size, GUEST_PAGE);
  const size_t slotBytes = integerArg(info, 1, "slotBytes", GUEST_PAGE - SLOTS_AT);
  if (slotBytes < sizeof(Event)) throw Napi::RangeError::New(info.Env(), "slotBytes is smaller than an event");
  return {page.data, slotBytes};
}

// ringInit(ring, slotBytes): SHARED_RING_INIT.
Napi::Value ringInit(const Napi::CallbackInfo& info) {
  const RingPage page = ringArg(info);
  memset(page.base, 0, GUEST_PAGE);
  page.ring().requestEvent = 1;
  page.ring().responseEvent = 1;
  return info.Env().Undefined();
}

// ringTake(ring, slotBytes, taken, out: Uint32Array) → how many: version, flags, reason, vcpu, gfn, pageFlags of each to `out`, from
// request `taken` on. Xen writes the page, and nobody else can: the guest's access has been taken away.
Napi::Value ringTake(const Napi::CallbackInfo& info) {
  constexpr size_t FIELDS = 6;
  const RingPage page = ringArg(info);
  auto next = static_cast<uint32_t>(integerArg(info, 2, "taken", UINT32_MAX));
  const Words out = wordsArg(info, 3);
  uint32_t count = 0;
  for (;;) {
    const uint32_t produced = page.ring().requests.load(std::memory_order_acquire);
    for (; next != produced && (count + 1) * FIELDS <= out.size; next++, count++) {
      Event event;
      memcpy(&event, page.slot(next), sizeof event);
      const uint32_t fields[FIELDS] = {event.version, event.flags, event.reason, event.vcpu, static_cast<uint32_t>(event.gfn), event.pageFlags};
      memcpy(&out[count * FIELDS], fields, sizeof fields);
    }
    // RING_FINAL_CHECK_FOR_REQUESTS: one that comes behind this is announced.
    page.ring().requestEvent.store(next + 1, std::memory_order_seq_cst);
    if (page.ring().requests.load(std::memory_order_seq_cst) == produced || (count + 1) * FIELDS > out.size) return number(info.Env(), count);
  }
}

// ringAnswer(ring, slotBytes, answered, [version, reason, flags, vcpu, gfn])
Napi::Value ringAnswer(const Napi::CallbackInfo& info) {
  const RingPage page = ringArg(info);
  const auto index = static_cast<uint32_t>(integerArg(info, 2, "answered", UINT32_MAX));
  if (!info[3].IsArray()) throw Napi::TypeError::New(info.Env(), "the response must be an array");
  const auto response = info[3].As<Napi::Array>();
  const auto field = [&](uint32_t i) { return response.Get(i).ToNumber().Uint32Value(); };
  Event event{};
  event.version = field(0);
  event.reason = field(1);
  event.flags = field(2);
  event.vcpu = field(3);
  event.gfn = field(4);
  uint8_t* slot = page.slot(index);
  memset(slot, 0, page.slotBytes);
  memcpy(slot, &event, sizeof event);
  page.ring().responses.store(index + 1, std::memory_order_seq_cst);
  return info.Env().Undefined();
}

}  // namespace

void exportXenPaging(Napi::Object exports) {
  Export<pageOut>(exports, "pageOut");
  Export<pageIn>(exports, "pageIn");
  Export<ringInit>(exports, "ringInit");
  Export<ringTake>(exports, "ringTake");
  Export<ringAnswer>(exports, "ringAnswer");
}
