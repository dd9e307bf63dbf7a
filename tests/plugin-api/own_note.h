/* Finds the manifest of the running program in its own file, as a host finds a plugin's: by the PT_NOTE segments alone.
 * C11 and C++17. */
#ifndef BP_TESTS_OWN_NOTE_H
#define BP_TESTS_OWN_NOTE_H
#include <backplane/plugin.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>

/* Looks through one segment; returns how many notes are ours, and copies the last. At every multiple of 4: linkers join
 * notes of different alignment, with gaps that no walk from note to note gets past. */
static inline int notes_in(const unsigned char* bytes, size_t size, bp_manifest* out) {
  int found = 0;
  for (size_t at = 0; at + sizeof(bp_note) <= size; at += 4) {
    bp_note note;
    memcpy(&note, bytes + at, sizeof note);
    if (note.namesz != 8 || note.type != 1 || memcmp(note.owner, "BKPLANE", 8) != 0) continue;
    if (note.descsz != sizeof *out) continue;
    *out = note.m;
    ++found;
  }
  return found;
}

/* How many manifests the program's file holds; the last one in *out. */
static inline int find_own_manifest(bp_manifest* out) {
  static unsigned char bytes[1 << 16];
  Elf64_Ehdr elf;
  int found = 0;
  FILE* file = fopen("/proc/self/exe", "rb");
  if (file == NULL) return 0;
  if (fread(&elf, sizeof elf, 1, file) != 1) elf.e_phnum = 0;
  for (int i = 0; i < elf.e_phnum; ++i) {
    Elf64_Phdr segment;
    fseek(file, (long)elf.e_phoff + (long)i * elf.e_phentsize, SEEK_SET);
    if (fread(&segment, sizeof segment, 1, file) != 1 || segment.p_type != PT_NOTE) continue;
    if (segment.p_filesz > sizeof bytes) continue;
    fseek(file, (long)segment.p_offset, SEEK_SET);
    if (fread(bytes, 1, segment.p_filesz, file) == segment.p_filesz) found += notes_in(bytes, segment.p_filesz, out);
  }
  fclose(file);
  return found;
}
#endif
