/* The agent's pages and what can be done with them. */
#ifndef XENFERRY_AGENT_H
#define XENFERRY_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SET_MAX 1024

struct page {
  volatile uint32_t *words;
  uint64_t frame;
};

struct pages {
  struct page *list; /* in ascending order of their frames */
  size_t count;
};

/* Pages that an order names. */
struct set {
  const struct page *pages[SET_MAX];
  size_t count;
};

/* One thread on each vCPU begins to go round these pages. Returns when all have. */
void scribble(const struct set *set);
/* Returns when the last write has been made. */
void settle(void);

/* Gives pages back to the hypervisor. NULL, or what failed, with errno. */
const char *balloon_out(const struct set *set);

/* From now on every suspend of the kernel fails. */
void refuse_suspend(void);

#endif
