// The addon: src/native/*-ops.ts in C++. It keeps no state but counts of what is open, so any
// number of threads and contexts may load it.
#include <napi.h>

void exportBitmap(Napi::Object exports);
void exportTables(Napi::Object exports);
void exportPages(Napi::Object exports);
void exportCopy(Napi::Object exports);
void exportDigest(Napi::Object exports);
void exportPfns(Napi::Object exports);
void exportPrefault(Napi::Object exports);
void exportXenCall(Napi::Object exports);
void exportXenMap(Napi::Object exports);
void exportXenHeld(Napi::Object exports);
void exportXenTypes(Napi::Object exports);
void exportXenPopulate(Napi::Object exports);
void exportPvFrames(Napi::Object exports);
void exportPvTables(Napi::Object exports);
void exportFd(Napi::Object exports);
void exportFdWatch(Napi::Object exports);
void exportXenParams(Napi::Object exports);
void exportXenPaging(Napi::Object exports);
void exportGuestTables(Napi::Object exports);
void exportStandby(Napi::Object exports);

static Napi::Object Init(Napi::Env, Napi::Object exports) {
  exportBitmap(exports);
  exportTables(exports);
  exportPages(exports);
  exportCopy(exports);
  exportDigest(exports);
  exportPfns(exports);
  exportPrefault(exports);
  exportXenCall(exports);
  exportXenMap(exports);
  exportXenHeld(exports);
  exportXenTypes(exports);
  exportXenPopulate(exports);
  exportPvFrames(exports);
  exportPvTables(exports);
  exportFd(exports);
  exportFdWatch(exports);
  exportXenParams(exports);
  exportXenPaging(exports);
  exportGuestTables(exports);
  exportStandby(exports);
  return exports;
}

NODE_API_MODULE(xenferry, Init)
