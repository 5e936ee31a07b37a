// Memory paging: pages out and in by the batch, and the ring through which Xen asks for one (xen/include/public/vm_event.h,
// public/io/ring.h, tools/xenpaging/xenpaging.c).
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "worker.h"
#include "xen.h"

namespace {

// xen/include/public/xen.h, public/memory.h: the same in every Xen of 64 bits from 4.14 on.
constexpr unsigned HYPERVISOR_MEMORY_OP = 12;
constexpr unsigned HYPERVISOR_MULTICALL = 13;
constexpr uint64_t MEM_PAGING_OP = 20;
enum PagingOp : uint8_t { NOMINATE = 0, EVICT = 1, PREP = 2 };

struct MemPagingOp {
  uint8_t op;
  uint8_t reserved;
  uint16_t domain;
  uint32_t padding;
  uint64_t buffer;
  uint64_t gfn;
};
static_assert(sizeof(MemPagingOp) == 24);

struct MulticallEntry {
  uint64_t op;
  int64_t result;
  uint64_t args[6];
};
static_assert(sizeof(MulticallEntry) == 64);

// How many operations fit in the first page of a room.
constexpr size_t MOST_OPS = GUEST_PAGE / (sizeof(MulticallEntry) + sizeof(MemPagingOp));

// libxencall, by its addresses (tools/include/xencall.h).
struct XenCall {
  void* (*open)(void* logger, unsigned flags);
  int (*close)(void* handle);
  int (*call2)(void* handle, unsigned op, uint64_t arg1, uint64_t arg2);
  void* (*alloc)(void* handle, size_t pages);
  void (*free)(void* handle, void* memory, size_t pages);
};

std::atomic<uint32_t> rooms{0};

// Memory that Xen can read, and a handle to call it with: the operations in its first page, contents behind them. Many operations are one
// hypercall, and none of them has to lock its page first, as libxc does, which takes longer than Xen does for the page.
class Room {
 public:
  Room(const XenCall& xen, size_t pages) : xen_(xen), pages_(pages), handle_(xen.open(nullptr, 0)) {
    if (handle_ != nullptr) memory_ = static_cast<uint8_t*>(xen_.alloc(handle_, pages_));
    rooms++;
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (memory_ != nullptr) xen_.free(handle_, memory_, pages_);
    if (handle_ != nullptr) xen_.close(handle_);
    rooms--;
  }

  bool usable() const { return memory_ != nullptr; }
  size_t contents() const { return pages_ - 1; }
  uint8_t* content(size_t i) const { return memory_ + (1 + i) * GUEST_PAGE; }

  void put(size_t i, uint32_t domid, PagingOp op, uint32_t gfn, const uint8_t* buffer = nullptr) const {
    ops()[i] = MemPagingOp{op, 0, static_cast<uint16_t>(domid), 0, reinterpret_cast<uint64_t>(buffer), gfn};
    entries()[i] = MulticallEntry{HYPERVISOR_MEMORY_OP, -ENOSYS, {MEM_PAGING_OP, reinterpret_cast<uint64_t>(&ops()[i])}};
  }

  // Performs those that have been put.
  void perform(size_t count) const {
    if (xen_.call2(handle_, HYPERVISOR_MULTICALL, reinterpret_cast<uint64_t>(entries()), count) == 0) return;
    const int64_t error = -errno;
    for (size_t i = 0; i < count; i++) {
      if (entries()[i].result == -ENOSYS) entries()[i].result = error;
    }
  }

  int errnoOf(size_t i) const { return static_cast<int>(-entries()[i].result); }

  // One thread at a time.
  std::mutex busy;

 private:
  MulticallEntry* entries() const { return reinterpret_cast<MulticallEntry*>(memory_); }
  MemPagingOp* ops() const { return reinterpret_cast<MemPagingOp*>(entries() + MOST_OPS); }

  XenCall xen_;
  size_t pages_;
  void* handle_;
  uint8_t* memory_ = nullptr;
};

using SharedRoom = std::shared_ptr<Room>;

// What an errno says of the page's bit in the bitmap of those that are out.
using Mark = void (*)(uint8_t& byte, uint8_t bit, int errnum);

void markOut(uint8_t& byte, uint8_t bit, int errnum) {
  if (errnum == 0) byte |= bit;
}

// ENOENT: it is there, or there is no such page any more.
void markIn(uint8_t& byte, uint8_t bit, int errnum) {
  if (errnum == 0 || errnum == ENOENT) byte &= static_cast<uint8_t>(~bit);
}

// Gfns, and one errno for each.
struct Pages {
  SharedRoom room;
  uint32_t domid;
  std::vector<uint32_t> gfns;
  std::vector<int32_t> errors;

  Pages(SharedRoom room, uint32_t domid, Words gfns)
      : room(std::move(room)), domid(domid), gfns(gfns.begin(), gfns.end()), errors(gfns.size, 0) {}

  void out() {
    const std::lock_guard lock(room->busy);
    for (size_t at = 0; at < gfns.size(); at += MOST_OPS / 2) {
      const size_t count = std::min(MOST_OPS / 2, gfns.size() - at);
      for (size_t i = 0; i < count; i++) {
        room->put(2 * i, domid, NOMINATE, gfns[at + i]);
        room->put(2 * i + 1, domid, EVICT, gfns[at + i]);
      }
      room->perform(2 * count);
      for (size_t i = 0; i < count; i++) errors[at + i] = outcomeOfOut(i);
    }
  }

  // `data`: a page for each gfn.
  void in(const uint8_t* data) {
    const std::lock_guard lock(room->busy);
    const size_t most = std::min(MOST_OPS, room->contents());
    for (size_t at = 0; at < gfns.size(); at += most) {
      const size_t count = std::min(most, gfns.size() - at);
      memcpy(room->content(0), data + at * GUEST_PAGE, count * GUEST_PAGE);
      for (size_t i = 0; i < count; i++) room->put(i, domid, PREP, gfns[at + i], room->content(i));
      room->perform(count);
      for (size_t i = 0; i < count; i++) errors[at + i] = room->errnoOf(i);
    }
  }

  // The bitmap changes on JavaScript's thread alone.
  Napi::Value settle(Napi::Env env, Napi::Uint8Array out, Mark mark) const {
    for (size_t i = 0; i < gfns.size(); i++) {
      if (gfns[i] / 8 < out.ByteLength()) mark(out.Data()[gfns[i] / 8], static_cast<uint8_t>(1u << (gfns[i] % 8)), errors[i]);
    }
    auto result = Napi::Int32Array::New(env, errors.size());
    memcpy(result.Data(), errors.data(), errors.size() * sizeof(int32_t));
    return result;
  }

 private:
  // A page that has been nominated before cannot be again, and is evicted all the same. EINVAL: so Xen calls a gfn without a page.
  int outcomeOfOut(size_t i) const {
    const int nominated = room->errnoOf(2 * i);
    const int evicted = room->errnoOf(2 * i + 1);
    if (evicted == 0 || nominated == 0) return evicted;
    return nominated == EINVAL ? ENOENT : nominated;
  }
};

class Batch : public PromiseWorker {
 public:
  Batch(Napi::Env env, Pages pages, const Napi::Uint8Array& out, Mark mark)
      : PromiseWorker(env), pages_(std::move(pages)), out_(Napi::Persistent(out)), mark_(mark) {}

 protected:
  Napi::Value result() override { return pages_.settle(Env(), out_.Value(), mark_); }

  Pages pages_;

 private:
  Napi::Reference<Napi::Uint8Array> out_;
  Mark mark_;
};

class PageOut : public Batch {
 public:
  PageOut(Napi::Env env, Pages pages, const Napi::Uint8Array& out) : Batch(env, std::move(pages), out, markOut) {}

 protected:
  void Execute() override { pages_.out(); }
};

class PageIn : public Batch {
 public:
  PageIn(Napi::Env env, Pages pages, const Napi::Uint8Array& data, const Napi::Uint8Array& out)
      : Batch(env, std::move(pages), out, markIn), data_(data.Data()), memory_(Napi::Persistent(static_cast<Napi::Object>(data))) {}

 protected:
  void Execute() override { pages_.in(data_); }

 private:
  const uint8_t* data_;
  Napi::ObjectReference memory_;
};

template <typename T>
T functionArg(const Napi::CallbackInfo& info, size_t i, const char* name) {
  return reinterpret_cast<T>(addressArg(info, i, name));
}

// pagingRoom(open, close, call2, alloc, free, pages) → room, or undefined where there is no memory for it. It lives until it is closed,
// and what works in it has ended.
Napi::Value pagingRoom(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const XenCall xen{functionArg<decltype(XenCall::open)>(info, 0, "open"), functionArg<decltype(XenCall::close)>(info, 1, "close"),
                    functionArg<decltype(XenCall::call2)>(info, 2, "call2"), functionArg<decltype(XenCall::alloc)>(info, 3, "alloc"),
                    functionArg<decltype(XenCall::free)>(info, 4, "free")};
  const size_t pages = integerArg(info, 5, "pages", 1 + MOST_OPS);
  if (pages < 2) throw Napi::RangeError::New(env, "pages must be at least 2");
  auto room = std::make_shared<Room>(xen, pages);
  if (!room->usable()) return env.Undefined();
  return Napi::External<SharedRoom>::New(env, new SharedRoom(std::move(room)), [](Napi::Env, SharedRoom* shared) { delete shared; });
}

SharedRoom& roomArg(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "room must be a paging room");
  return *info[0].As<Napi::External<SharedRoom>>().Data();
}

// pagingRoomClose(room)
Napi::Value pagingRoomClose(const Napi::CallbackInfo& info) {
  roomArg(info).reset();
  return info.Env().Undefined();
}

// pagingRoomsOpen() → of this process
Napi::Value pagingRoomsOpen(const Napi::CallbackInfo& info) { return number(info.Env(), rooms); }

Pages pagesArg(const Napi::CallbackInfo& info) {
  const SharedRoom& room = roomArg(info);
  if (!room) throw Napi::Error::New(info.Env(), "the paging room has been closed");
  return Pages(room, static_cast<uint32_t>(integerArg(info, 1, "domid", 0x7fff)), wordsArg(info, 2));
}

Napi::Uint8Array outArg(const Napi::CallbackInfo& info, size_t i) {
  bytesArg(info, i);
  return info[i].As<Napi::Uint8Array>();
}

// pageOut(room, domid, gfns, out)
Napi::Value pageOut(const Napi::CallbackInfo& info) {
  return queued(std::make_unique<PageOut>(info.Env(), pagesArg(info), outArg(info, 3)));
}

// pageIn(room, domid, gfns, out, data, elsewhere): on a thread of libuv's, or at once.
Napi::Value pageIn(const Napi::CallbackInfo& info) {
  Pages pages = pagesArg(info);
  const auto out = outArg(info, 3);
  const Bytes data = bytesArg(info, 4);
  needAtLeast(info.Env(), "data", data.size, uint64_t{pages.gfns.size()} * GUEST_PAGE);
  if (info[5].ToBoolean()) return queued(std::make_unique<PageIn>(info.Env(), std::move(pages), info[4].As<Napi::Uint8Array>(), out));
  pages.in(data.data);
  return pages.settle(info.Env(), out, markIn);
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
  Export<pagingRoom>(exports, "pagingRoom");
  Export<pagingRoomClose>(exports, "pagingRoomClose");
  Export<pagingRoomsOpen>(exports, "pagingRoomsOpen");
  Export<pageOut>(exports, "pageOut");
  Export<pageIn>(exports, "pageIn");
  Export<ringInit>(exports, "ringInit");
  Export<ringTake>(exports, "ringTake");
  Export<ringAnswer>(exports, "ringAnswer");
}
