#pragma once

#include "args.h"

inline bool testBit(Bytes bitmap, uint32_t gfn) { return (bitmap[gfn / 8] >> (gfn % 8)) & 1; }
