// The addon: src/native/page-ops.ts in C++. It keeps no state, so any number of threads and contexts may load it.
#include <napi.h>

void exportBitmap(Napi::Object exports);
void exportTables(Napi::Object exports);
void exportPages(Napi::Object exports);
void exportCopy(Napi::Object exports);
void exportDigest(Napi::Object exports);
void exportPfns(Napi::Object exports);
void exportPrefault(Napi::Object exports);

static Napi::Object Init(Napi::Env, Napi::Object exports) {
  exportBitmap(exports);
  exportTables(exports);
  exportPages(exports);
  exportCopy(exports);
  exportDigest(exports);
  exportPfns(exports);
  exportPrefault(exports);
  return exports;
}

NODE_API_MODULE(xenferry, Init)
