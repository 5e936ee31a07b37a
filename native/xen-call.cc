// A C function called on a libuv thread, with its errno. ffi-napi makes the calls that are short; this is for those that take
// long, since ffi-napi's own asynchronous calls lose errno.
#include <cerrno>
#include <vector>

#include "worker.h"
#include "xen.h"

namespace {

constexpr size_t MAX_ARGS = 8;

class Call : public PromiseWorker {
 public:
  Call(Napi::Env env, uintptr_t function, bool wide)
      : PromiseWorker(env), function_(function), wide_(wide) {}

  // False for what is neither an integer, nor memory, nor null.
  bool add(const Napi::Value& value) {
    if (value.IsNull()) return push(0);
    if (value.IsBigInt()) {
      bool lossless;
      return push(value.As<Napi::BigInt>().Uint64Value(&lossless));
    }
    if (value.IsNumber()) return push(static_cast<uintptr_t>(value.As<Napi::Number>().Int64Value()));
    if (!value.IsTypedArray()) return false;
    const auto array = value.As<Napi::TypedArray>();
    auto buffer = array.ArrayBuffer();
    memory_.push_back(Napi::Persistent(static_cast<Napi::Object>(buffer)));
    return push(reinterpret_cast<uintptr_t>(buffer.Data()) + array.ByteOffset());
  }

 protected:
  void Execute() override {
    // Integers and pointers travel in the same registers, and a callee reads no more of them than it declares.
    using Function = int64_t (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);
    const auto& a = args_;
    errno = 0;
    result_ = reinterpret_cast<Function>(function_)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    errno_ = errno;
  }

  Napi::Value result() override {
    auto both = Napi::Array::New(Env(), 2);
    // What is above the 32 bits of an int is not the callee's.
    both.Set(0u, Napi::Number::New(Env(), wide_ ? static_cast<double>(result_) : static_cast<int32_t>(result_)));
    both.Set(1u, Napi::Number::New(Env(), errno_));
    return both;
  }

 private:
  bool push(uintptr_t value) {
    if (count_ == MAX_ARGS) return false;
    args_[count_++] = value;
    return true;
  }

  uintptr_t function_;
  uintptr_t args_[MAX_ARGS] = {};
  size_t count_ = 0;
  bool wide_;
  int64_t result_ = 0;
  int errno_ = 0;
  std::vector<Napi::ObjectReference> memory_;
};

// callOffLoop(function: address, args, wide) → Promise<[result, errno]>; wide: it returns a long and not an int
Napi::Value callOffLoop(const Napi::CallbackInfo& info) {
  const uintptr_t function = addressArg(info, 0, "function");
  if (!info[1].IsArray()) throw Napi::TypeError::New(info.Env(), "args must be an array");
  const auto args = info[1].As<Napi::Array>();
  auto call = std::make_unique<Call>(info.Env(), function, info[2].ToBoolean());
  for (uint32_t i = 0; i < args.Length(); i++) {
    if (!call->add(args.Get(i))) throw Napi::TypeError::New(info.Env(), "at most 8 integers, typed arrays or nulls");
  }
  return queued(std::move(call));
}

}  // namespace

uintptr_t addressArg(const Napi::CallbackInfo& info, size_t i, const char* name) {
  return static_cast<uintptr_t>(integerArg(info, i, name, uint64_t{1} << 47));
}

void exportXenCall(Napi::Object exports) { Export<callOffLoop>(exports, "callOffLoop"); }
