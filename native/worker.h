// Work on a libuv thread that settles a promise, whatever happens.
#pragma once

#include <napi.h>

#include <exception>
#include <memory>

class PromiseWorker : public Napi::AsyncWorker {
 public:
  explicit PromiseWorker(Napi::Env env) : Napi::AsyncWorker(env), deferred_(env) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  // What the promise resolves to; on JavaScript's thread, once Execute() has returned.
  virtual Napi::Value result() = 0;

 private:
  void OnOK() final {
    try {
      deferred_.Resolve(result());
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    } catch (const std::exception& error) {
      deferred_.Reject(Napi::Error::New(Env(), error.what()).Value());
    }
  }

  // Execute() has thrown: std::bad_alloc.
  void OnError(const Napi::Error& error) final { deferred_.Reject(error.Value()); }

  Napi::Promise::Deferred deferred_;
};

// From here on the worker is Node's.
inline Napi::Promise queued(std::unique_ptr<PromiseWorker> worker) {
  const auto promise = worker->promise();
  worker->Queue();
  worker.release();
  return promise;
}
