/*
 * Owns memory that it can check, rewrites a part of it, and says on the console for ever whether all is well.
 *
 *   pattern mem=MiB,hot=MiB,rate=PAGES/S,check=PAGES/S,tick=MS,gap=MS
 *
 * Every page holds its index, a generation, words that follow from both, and a checksum. The generation that each page
 * must have is kept apart from the page: a page that arrives whole but stale is found too.
 *
 *   ok N                     N counts up by 1, twice a second
 *   pass N                   every page has been checked N times
 *   CORRUPT page I gfn G …   a page is not what it was
 *   gap MS suspended MS      the program did not run for so long, and of that, the kernel says it was suspended so long.
 *                            Only gaps in which it was, or of at least `gap` ms
 *   again N                  after a suspend: the last lines before it, since a restore empties the console's ring
 *
 * It wakes every `tick` ms, which is how exactly it sees a gap. Under software emulation a wake-up takes a PVH guest 0.7 ms.
 * CLOCK_BOOTTIME goes on while a domain is suspended, CLOCK_MONOTONIC does not: their difference grows by a suspend.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define NS_PER_MS 1000000LL
#define MS_PER_S 1000
#define OK_EVERY_NS 500000000LL
#define CLOCK_READ_NS 200000
#define CLOCK_TRIES 20
#define AGAIN 3
#define REPORTS_MAX 100

enum { INDEX, GENERATION, FIRST, CHECKSUM = PAGE_WORDS - 1 };

struct memory {
  uint64_t (*pages)[PAGE_WORDS];
  uint32_t *generations; /* what each page must hold */
  size_t count;
};

/* So many pages a second, handed out tick by tick without losing fractions. */
struct rate {
  long per_second, credit; /* credit in thousandths of a page */
};

static uint64_t mix(uint64_t index, uint64_t generation) {
  uint64_t x = index * 0x9e3779b97f4a7c15ULL ^ generation * 0xc2b2ae3d27d4eb4fULL;

  x ^= x >> 29;
  return x * 0xbf58476d1ce4e5b9ULL;
}

static void rewrite(struct memory *memory, size_t index) {
  uint64_t *page = memory->pages[index];
  uint64_t generation = ++memory->generations[index];
  uint64_t step = mix(index, generation) | 1, word = step, sum = index + generation;

  page[INDEX] = index;
  page[GENERATION] = generation;
  for (size_t i = FIRST; i < CHECKSUM; i++, word += step) sum += page[i] = word;
  page[CHECKSUM] = ~sum;
}

static uint64_t checksum(const uint64_t *page) {
  uint64_t sum = 0;

  for (size_t i = 0; i < CHECKSUM; i++) sum += page[i];
  return ~sum;
}

static void report(const struct memory *memory, size_t index, uint64_t sum) {
  static int reports;
  const uint64_t *page = memory->pages[index];
  uint64_t gfn;

  if (reports++ >= REPORTS_MAX) return;
  frame_numbers(page, 1, &gfn);
  printf("CORRUPT page %zu gfn %#lx: index %lu, generation %lu of %u, first word %#lx, checksum %#lx of %#lx\n", index,
         gfn, page[INDEX], page[GENERATION], memory->generations[index], page[FIRST], page[CHECKSUM], sum);
}

static void check(const struct memory *memory, size_t index) {
  const uint64_t *page = memory->pages[index];
  uint64_t sum = checksum(page);
  uint64_t first = mix(index, memory->generations[index]) | 1;

  if (page[INDEX] == index && page[GENERATION] == memory->generations[index] && page[FIRST] == first &&
      page[CHECKSUM] == sum)
    return;
  report(memory, index, sum);
}

static long due(struct rate *rate, long tick_ms) {
  long pages = (rate->credit += rate->per_second * tick_ms) / MS_PER_S;

  rate->credit -= pages * MS_PER_S;
  return pages;
}

static long long now(clockid_t clock) {
  struct timespec at;

  clock_gettime(clock, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* How long the kernel has been suspended since boot: between two bounds, since no two clocks are read at once. */
struct suspended {
  long long least, most;
};

/* Read anew while the program was interrupted in between, as it is behind a suspend. */
static struct suspended suspended_so_far(void) {
  struct suspended total;

  for (int tries = 0; tries < CLOCK_TRIES; tries++) {
    long long before = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME), after = now(CLOCK_MONOTONIC);
    total = (struct suspended){boot - after, boot - before};
    if (after - before < CLOCK_READ_NS) break;
  }
  return total;
}

int main(int argc, char **argv) {
  const char *options = argc > 1 ? argv[1] : "";
  struct memory memory = {.count = option(options, "mem", 32) * PAGES_PER_MB};
  size_t hot = option(options, "hot", 0) * PAGES_PER_MB, next_hot = 0, next_checked = 0;
  struct rate writes = {.per_second = hot ? option(options, "rate", 0) : 0};
  struct rate checks = {.per_second = option(options, "check", 500)};
  long tick_ms = option(options, "tick", 10);
  long long tick_ns = tick_ms * NS_PER_MS, gap_ns = option(options, "gap", 200) * NS_PER_MS;
  unsigned long ok = 0, pass = 0;

  if (memory.count == 0 || hot > memory.count || tick_ms < 1 || tick_ms >= MS_PER_S)
    die("mem must be at least 1, hot at most mem, tick from 1 to 999: %s", options);
  setvbuf(stdout, NULL, _IOLBF, 0);
  memory.pages = locked_pages(memory.count);
  memory.generations = locked_pages((memory.count * sizeof *memory.generations + PAGE_BYTES - 1) / PAGE_BYTES);
  for (size_t index = 0; index < memory.count; index++) rewrite(&memory, index);
  printf("pattern pages %zu hot %zu rate %ld check %ld\n", memory.count, hot, writes.per_second, checks.per_second);

  struct suspended known = suspended_so_far();
  long long last = now(CLOCK_BOOTTIME), next_ok = last;
  for (;;) {
    nanosleep(&(struct timespec){.tv_nsec = tick_ns}, NULL);
    struct suspended total = suspended_so_far();
    long long at = now(CLOCK_BOOTTIME), gap = at - last - tick_ns, suspended = total.least - known.most;
    if (suspended > 0 || gap >= gap_ns)
      printf("gap %.1f suspended %.1f\n", gap / 1e6, suspended > 0 ? suspended / 1e6 : 0);
    if (suspended > 0)
      for (unsigned long n = ok > AGAIN ? ok - AGAIN : 0; n++ < ok;) printf("again %lu\n", n);
    if (suspended > 0 || total.most < known.most) known.most = total.most;
    last = at;

    for (long pages = due(&writes, tick_ms); pages > 0; pages--, next_hot = (next_hot + 1) % hot) rewrite(&memory, next_hot);
    for (long pages = due(&checks, tick_ms); pages > 0; pages--) {
      check(&memory, next_checked);
      next_checked = (next_checked + 1) % memory.count;
      if (next_checked == 0) printf("pass %lu\n", ++pass);
    }
    if (at < next_ok) continue;
    printf("ok %lu\n", ++ok);
    next_ok = at + OK_EVERY_NS;
  }
}
