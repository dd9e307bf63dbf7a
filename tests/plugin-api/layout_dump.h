/* The layout of plugin.h as this compiler sees it, one line for each struct and member: what abi_layout.golden holds.
 * C11 and C++17. */
#ifndef BP_TESTS_LAYOUT_DUMP_H
#define BP_TESTS_LAYOUT_DUMP_H
#include <backplane/plugin.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Writes the layout to out[cap]; returns the bytes that lie in no listed member: 0 where list and header agree. */
static inline size_t dump_layout(char* out, size_t cap) {
  size_t used = 0, end = 0, gaps = 0;
  out[0] = 0;
#define LINE(...) (used += (size_t)snprintf(out + used, used < cap ? cap - used : 0, __VA_ARGS__))
#define STRUCT(T) \
  end = 0;        \
  LINE("%s %zu\n", #T, sizeof(T));
#define MEMBER(T, m)                         \
  gaps += offsetof(T, m) - end;              \
  end = offsetof(T, m) + sizeof(((T*)0)->m); \
  LINE("  %4zu %4zu %s\n", offsetof(T, m), sizeof(((T*)0)->m), #m);
#define END(T) gaps += sizeof(T) - end;
#include "layout_list.h"
#undef STRUCT
#undef MEMBER
#undef END
#undef LINE
  return gaps;
}

/* The golden file, less its comment lines. Returns 0 where it cannot be read. */
static inline int read_golden(const char* path, char* out, size_t cap) {
  FILE* file = fopen(path, "r");
  size_t used = 0;
  char line[256];
  if (file == NULL) return 0;
  out[0] = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == '#' || used + strlen(line) >= cap) continue;
    memcpy(out + used, line, strlen(line) + 1);
    used += strlen(line);
  }
  fclose(file);
  return 1;
}
#endif
