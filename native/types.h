// Page types of migration stream v2 (docs/specs/libxc-migration-stream.pandoc), bits 63-60 of a PAGE_DATA entry.
#pragma once

#include <cstdint>

constexpr uint8_t L4TAB = 0x4;
constexpr uint8_t PINNED_L1TAB = 0x9;
constexpr uint8_t BROKEN = 0xd;
constexpr uint8_t NOTAB = 0x0;
constexpr uint8_t XALLOC = 0xe;
constexpr uint8_t XTAB = 0xf;

inline bool carriesNoData(uint8_t type) { return type >= BROKEN && type <= XTAB; }
// 5 to 7 are not assigned, and 8 would be a pinned page that is no page table.
inline bool isKnown(uint8_t type) { return type <= L4TAB || (type >= PINNED_L1TAB && type <= XTAB); }
