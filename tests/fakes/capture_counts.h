/* What the fake "capture" has done since its device was opened: its extension "x.capture_counts/0". */
#ifndef BP_TESTS_CAPTURE_COUNTS_H
#define BP_TESTS_CAPTURE_COUNTS_H
#include <stdint.h>

typedef struct capture_counts {
  uint64_t begins, ends, abandons;
  uint64_t graph_launches;
  uint64_t graphs_alive;
  uint64_t recorded; /* launches in the graphs that end() gave */
  uint64_t launches; /* on their own, while nothing was captured */
  uint64_t mems;     /* alive */
  uint64_t pinned_bytes, most_pinned_bytes;
} capture_counts;
#endif
