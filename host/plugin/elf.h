/* SPDX-License-Identifier: Apache-2.0
 * What an ELF shared object says about itself: symbols, needed libraries, flags, relocations. Reads
 * foreign bytes without loading them (tests/fuzz/fuzz_elf.c). Used by plugin/check_*.c. */
#ifndef HOST_ELF_H
#define HOST_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct elf {
    const unsigned char *data; /* the whole file; borrowed by elf_parse, mapped by elf_open */
    size_t size;
    uint64_t segments_at;
    unsigned segment_count;
    uint64_t dynamic_at, dynamic_count; /* entries; 0: no dynamic section */
    uint64_t strings_at, strings_size, symbols_at, symbol_count;
    uint64_t relocations_at[2], relocations_size[2];
    const char *soname, *runpath, *rpath; /* NULL: none */
    bool now, nodelete, relro, text_relocations, static_tls, stack_marked, executable_stack;
};

struct elf_symbol {
    const char *name;
    uint64_t value, size;
    unsigned char binding, type, visibility; /* STB_…, STT_…, STV_… */
    bool defined;
};

/* Takes a 64-bit shared object of this byte order apart. EREFUSED names path and what is wrong. */
int elf_parse(const unsigned char *data, size_t size, const char *path, struct elf *ret_elf,
              struct error *ret_error);

/* The same for a file, which stays mapped until elf_close. */
int elf_open(const char *path, struct elf *ret_elf, struct error *ret_error);
void elf_close(struct elf *elf);

/* The index-th library of DT_NEEDED, or NULL. */
const char *elf_needed(const struct elf *elf, size_t index);

/* False behind the last one, or where the table is cut; its name is never NULL. */
bool elf_symbol(const struct elf *elf, size_t index, struct elf_symbol *ret_symbol);

/* Copies what the file holds for an address; false: nothing is there. */
bool elf_read(const struct elf *elf, uint64_t address, void *buffer, size_t size);

/* True if a relocation fills the word at address; *ret_symbol is its symbol's name, or "". */
bool elf_relocation(const struct elf *elf, uint64_t address, const char **ret_symbol);

#endif
