/* What the guest's programs share. */
#ifndef XENFERRY_GUEST_H
#define XENFERRY_GUEST_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))
#define PAGES_PER_MB 256

/* Says what failed, with errno's text where there is one, and ends. */
void die(const char *what, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The number that `options` ("mem=64,hot=16") gives to `name`, or `otherwise`. */
long option(const char *options, const char *name, long otherwise);

/* Tells the kernel to leave locked pages where they are in guest-physical memory, and not to make huge ones. */
void keep_frames(void);

/* `count` pages of zeroed memory, present and locked. */
void *locked_pages(size_t count);

/* The frame number of each page from `base`: the gfn of a PVH domain, the pfn of a PV one. */
void frame_numbers(const void *base, size_t count, uint64_t *frames);

#endif
