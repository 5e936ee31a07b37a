// A descriptor that JavaScript's thread is told of as soon as it is readable: libuv's poll, as Node's own sockets have it, and no thread
// on the way.
#include <uv.h>

#include <memory>
#include <optional>

#include "args.h"

namespace {

struct Watch {
  uv_poll_t poll;
  Napi::Env env;
  Napi::FunctionReference callback;
  std::optional<Napi::AsyncContext> context;

  // A thread of JavaScript that ends must leave nothing in its loop.
  static void endAtExit(void* watch) { static_cast<Watch*>(watch)->end(); }

  // On JavaScript's thread; libuv lets go of `poll` later.
  void end() {
    napi_remove_env_cleanup_hook(env, endAtExit, this);
    callback.Reset();
    context.reset();
    uv_poll_stop(&poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
  }
};

void onReady(uv_poll_t* poll, int status, int) {
  const auto* watch = static_cast<Watch*>(poll->data);
  const Napi::Env env = watch->env;
  Napi::HandleScope scope(env);
  try {
    watch->callback.MakeCallback(env.Global(), {number(env, -status)}, *watch->context);
  } catch (const Napi::Error& error) {
    // Nobody calls this but the event loop.
    napi_fatal_exception(env, error.Value());
  }
}

[[noreturn]] void fail(Napi::Env env, int status) { throw Napi::Error::New(env, uv_strerror(status)); }

// fdWatch(fd, onReadable) → stop()
Napi::Value fdWatch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto fd = static_cast<int>(integerArg(info, 0, "fd", INT32_MAX));
  if (!info[1].IsFunction()) throw Napi::TypeError::New(env, "onReadable must be a function");
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env, "there is no event loop");
  auto watch = std::unique_ptr<Watch>(new Watch{{}, env, Napi::Persistent(info[1].As<Napi::Function>()), std::nullopt});
  watch->context.emplace(env, "xenferry:fd-watch");
  watch->poll.data = watch.get();
  if (const int status = uv_poll_init(loop, &watch->poll, fd)) fail(env, status);
  auto* started = watch.release();
  napi_add_env_cleanup_hook(env, Watch::endAtExit, started);
  if (const int status = uv_poll_start(&started->poll, UV_READABLE, onReady)) {
    started->end();
    fail(env, status);
  }
  return Napi::Function::New(env, [watch = started](const Napi::CallbackInfo& call) mutable {
    if (watch) watch->end();
    watch = nullptr;
    return call.Env().Undefined();
  });
}

}  // namespace

void exportFdWatch(Napi::Object exports) { Export<fdWatch>(exports, "fdWatch"); }
