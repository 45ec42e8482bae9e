/* SPDX-License-Identifier: Apache-2.0
 * The bytes of a shared object: every question that `plugin check` asks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUESTIONS_MAX 4096 /* of a kind; a table may lie about its length */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf elf;
    struct elf_symbol symbol;
    struct error error;
    const char *name;
    uint64_t word;
    size_t bytes = 0;
    if (elf_parse(data, size, "fuzz", &elf, &error) < 0)
        return 0;
    for (size_t i = 0; i < QUESTIONS_MAX && (name = elf_needed(&elf, i)); i++)
        bytes += strlen(name);
    for (size_t i = 0; i < QUESTIONS_MAX && elf_symbol(&elf, i, &symbol); i++) {
        bytes += strlen(symbol.name);
        if (i < 16 && elf_relocation(&elf, symbol.value, &name))
            bytes += strlen(name);
        bytes += elf_read(&elf, symbol.value, &word, sizeof word);
    }
    bytes += elf.soname ? strlen(elf.soname) : 0;
    bytes += elf.runpath ? strlen(elf.runpath) : 0;
    return bytes == SIZE_MAX ? 1 : 0;
}
