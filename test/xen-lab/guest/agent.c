/*
 * Carries out orders that come over the console, for the conformance suite (test/conformance/fixture.ts, Guest).
 *
 *   agent pages=N,split=FRAME
 *
 * It owns N pages; with `split`, half of them below that frame and half from there on.
 * An order is a line `ID VERB ARGUMENTS`, its answer a line `ID RESULT` or `ID ! WHY`. Pages are named by their place among
 * its pages, in ascending order of their frames: `0-63,70`. Words are hexadecimal.
 *
 *   pages                    the frames, hexadecimal, e.g. `1f00+40,8000`: 0x40 of them from 0x1f00, and 0x8000
 *   write SET WORD           writes WORD to the first word of each page
 *   read SET VCPU            the first words as that vCPU reads them, e.g. `c0de*40,5`
 *   sum SET                  the sums of the pages' words, likewise
 *   scribble SET             goes round the pages on every vCPU, writing numbers that grow; answers when it has begun
 *   settle                   stops that
 *   balloon SET              gives the pages back to the hypervisor; not in a PV domain
 *   refuse                   from now on the kernel cannot suspend
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

#define LINE_BYTES 4096
#define ORDER_WORDS 4
#define CHUNK_PAGES 1024
#define SPARE_MAX (1 << 18)

struct pages owned;

static int by_frame(const void *a, const void *b) {
  const struct page *left = a, *right = b;

  return left->frame < right->frame ? -1 : left->frame > right->frame;
}

/* Lets pages go, in ascending order of their addresses within a chunk, as few runs as can be. */
static void let_go(char **pages, size_t count) {
  for (size_t i = 0, run; i < count; i += run) {
    for (run = 1; i + run < count && pages[i + run] == pages[i] + run * PAGE_BYTES; run++) continue;
    if (munmap(pages[i], run * PAGE_BYTES)) die("munmap");
  }
}

/* Takes `count` pages: half of them below frame `split` and half from there on; with `split` 0, any. */
static void pick_pages(size_t count, uint64_t split) {
  size_t wanted[2] = {split ? count / 2 : 0, split ? count - count / 2 : count};
  /* What is not wanted is kept until the end, or it would come again. */
  static char *spare[SPARE_MAX];
  static uint64_t frames[CHUNK_PAGES];
  size_t spares = 0;

  owned.list = calloc(count, sizeof *owned.list);
  if (!owned.list) die("%zu pages", count);
  while (wanted[0] + wanted[1] > 0) {
    char *chunk = locked_pages(CHUNK_PAGES);

    frame_numbers(chunk, CHUNK_PAGES, frames);
    for (size_t i = 0; i < CHUNK_PAGES; i++) {
      size_t *side = &wanted[frames[i] >= split];
      char *page = chunk + i * PAGE_BYTES;

      if (*side > 0) owned.list[owned.count++] = (struct page){(void *)page, frames[i]}, --*side;
      else if (spares < SPARE_MAX) spare[spares++] = page;
    }
  }
  let_go(spare, spares);
  qsort(owned.list, owned.count, sizeof *owned.list, by_frame);
}

/* Parses `0-63,70` into `set`; false if it names a page that is not there. */
static bool parse_set(const char *text, struct set *set) {
  set->count = 0;
  while (*text) {
    char *end;
    unsigned long from = strtoul(text, &end, 10), to = from;

    if (end == text) return false;
    if (*end == '-') to = strtoul(end + 1, &end, 10);
    if (to < from || to >= owned.count || set->count + (to - from + 1) > SET_MAX) return false;
    while (from <= to) set->pages[set->count++] = &owned.list[from++];
    if (*end && *end != ',') return false;
    text = *end ? end + 1 : end;
  }
  return true;
}

static void answer_frames(void) {
  for (size_t i = 0; i < owned.count;) {
    size_t run = 1;

    while (i + run < owned.count && owned.list[i + run].frame == owned.list[i].frame + run) run++;
    printf(run > 1 ? "%s%lx+%zx" : "%s%lx", i ? "," : "", owned.list[i].frame, run);
    i += run;
  }
}

static void answer_words(const uint32_t *words, size_t count) {
  for (size_t i = 0; i < count;) {
    size_t run = 1;

    while (i + run < count && words[i + run] == words[i]) run++;
    printf(run > 1 ? "%s%x*%zx" : "%s%x", i ? "," : "", words[i], run);
    i += run;
  }
}

static uint32_t sum_of(const struct page *page) {
  uint32_t sum = 0;

  for (size_t i = 0; i < PAGE_BYTES / sizeof sum; i++) sum += page->words[i];
  return sum;
}

static bool move_to_vcpu(long vcpu) {
  cpu_set_t only;

  CPU_ZERO(&only);
  CPU_SET(vcpu, &only);
  return sched_setaffinity(0, sizeof only, &only) == 0;
}

/* Carries out one order, having printed its ID; prints the rest of the answer. */
static void obey(const char *verb, const char *first, const char *second) {
  static struct set set;
  static uint32_t words[SET_MAX];
  bool named = parse_set(first, &set);

  if (!strcmp(verb, "pages")) {
    answer_frames();
  } else if (!strcmp(verb, "settle")) {
    settle();
  } else if (!strcmp(verb, "refuse")) {
    refuse_suspend();
  } else if (!named) {
    printf("! no such pages: %s", first);
  } else if (!strcmp(verb, "write")) {
    uint32_t word = strtoul(second, NULL, 16);
    for (size_t i = 0; i < set.count; i++) set.pages[i]->words[0] = word;
  } else if (!strcmp(verb, "read")) {
    bool there = move_to_vcpu(strtol(second, NULL, 10));
    for (size_t i = 0; i < set.count; i++) words[i] = set.pages[i]->words[0];
    if (there) answer_words(words, set.count);
    else printf("! no vCPU %s", second);
  } else if (!strcmp(verb, "sum")) {
    for (size_t i = 0; i < set.count; i++) words[i] = sum_of(set.pages[i]);
    answer_words(words, set.count);
  } else if (!strcmp(verb, "scribble")) {
    scribble(&set);
  } else if (!strcmp(verb, "balloon")) {
    const char *failed = balloon_out(&set);
    if (failed) printf("! %s: %s", failed, strerror(errno));
  } else {
    printf("! no such order: %s", verb);
  }
}

int main(int argc, char **argv) {
  const char *options = argc > 1 ? argv[1] : "";
  size_t count = option(options, "pages", 128);
  static char line[LINE_BYTES];

  setvbuf(stdout, NULL, _IOFBF, LINE_BYTES * 4);
  keep_frames();
  pick_pages(count, option(options, "split", 0));
  printf("agent pages %zu\n", owned.count);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    char *words[ORDER_WORDS] = {"", "", "", ""}, *word = strtok(line, " \n");

    for (size_t i = 0; i < ORDER_WORDS && word; i++, word = strtok(NULL, " \n")) words[i] = word;
    printf("%s ", words[0]);
    obey(words[1], words[2], words[3]);
    printf("\n");
    fflush(stdout);
  }
  die("the console is closed");
}
