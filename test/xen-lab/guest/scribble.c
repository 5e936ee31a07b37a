/* Writes without end, on every vCPU. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

#define VCPUS_MAX 8
/* Orders are to be heard while it writes. */
#define NICE 10

static pthread_t threads[VCPUS_MAX];
static long running;
static struct set target;
static atomic_bool stop;
static atomic_uint number, begun;

static void *go_round(void *argument) {
  cpu_set_t only;

  CPU_ZERO(&only);
  CPU_SET((long)argument, &only);
  sched_setaffinity(0, sizeof only, &only);
  setpriority(PRIO_PROCESS, gettid(), NICE);
  for (bool first = true; !stop; first = false) {
    for (size_t i = 0; i < target.count && !stop; i++) target.pages[i]->words[0] = ++number;
    if (first) begun++;
  }
  return NULL;
}

void scribble(const struct set *set) {
  settle();
  if (set->count == 0) return;
  target = *set;
  stop = false;
  begun = 0;
  for (running = 0; running < sysconf(_SC_NPROCESSORS_ONLN) && running < VCPUS_MAX; running++)
    if ((errno = pthread_create(&threads[running], NULL, go_round, (void *)running))) die("thread");
  while (begun < running) usleep(1000);
}

void settle(void) {
  stop = true;
  while (running > 0) pthread_join(threads[--running], NULL);
}
