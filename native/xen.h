// What the parts that serve the Xen backend share. None of them links to a Xen library: the backend opens those at run time
// and passes the addresses of their functions, so the addon builds and loads on any machine.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "args.h"

// An address that ffi-napi gave out, as a number.
uintptr_t addressArg(const Napi::CallbackInfo& info, size_t i, const char* name);
// Frame numbers as the hypervisor has them: gfns of an HVM domain in a Uint32Array, or mfns in a BigUint64Array.
std::vector<uint64_t> frameList(const Napi::CallbackInfo& info, size_t i);

// A promise with errors of the hypervisor as [result, errno].
using PfnTypeBatch = int (*)(void* xch, uint32_t domid, unsigned count, uint64_t* frames);

// XEN_DOMCTL_getpageframeinfo3's type of a frame, as in bits 63–60 of a PAGE_DATA entry (xen/include/public/domctl.h).
inline uint8_t pfnInfoType(uint64_t info) { return (info >> 28) & 0xf; }
