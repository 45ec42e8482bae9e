/* SPDX-License-Identifier: Apache-2.0
 * The ELF reader. All goes through copy() and text(), which check bounds; counts are capped. */
#include "plugin/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <llmspell/tool.h>

#define SEGMENTS_MAX 64
#define DYNAMIC_MAX 4096
#define SYMBOLS_MAX (1u << 20)
#define FILE_MAX ((off_t)1 << 31)

static bool copy(const struct elf *elf, uint64_t at, void *buffer, size_t size)
{
    if (at > elf->size || size > elf->size - at)
        return false;
    memcpy(buffer, elf->data + at, size);
    return true;
}

static bool read_segment(const struct elf *elf, unsigned index, Elf64_Phdr *ret_segment)
{
    return index < elf->segment_count && copy(elf, elf->segments_at + index * sizeof *ret_segment,
                                              ret_segment, sizeof *ret_segment);
}

/* Where the file holds an address; false: no loaded segment has it. */
static bool offset_of(const struct elf *elf, uint64_t address, uint64_t *ret_offset)
{
    Elf64_Phdr segment;
    for (unsigned i = 0; read_segment(elf, i, &segment); i++) {
        if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
            address - segment.p_vaddr >= segment.p_filesz)
            continue;
        *ret_offset = segment.p_offset + (address - segment.p_vaddr);
        return *ret_offset < elf->size;
    }
    return false;
}

/* A string of the dynamic string table; NULL: not there, or without an end. */
static const char *text(const struct elf *elf, uint64_t index)
{
    if (index >= elf->strings_size)
        return NULL;
    const unsigned char *start = elf->data + elf->strings_at + index;
    return memchr(start, '\0', elf->strings_size - index) ? (const char *)start : NULL;
}

static bool read_dynamic(const struct elf *elf, uint64_t index, Elf64_Dyn *ret_entry)
{
    return index < elf->dynamic_count &&
           copy(elf, elf->dynamic_at + index * sizeof *ret_entry, ret_entry, sizeof *ret_entry) &&
           ret_entry->d_tag != DT_NULL;
}

/* The value of the first entry with this tag; 0: none. */
static uint64_t dynamic_value(const struct elf *elf, int64_t tag)
{
    Elf64_Dyn entry;
    for (uint64_t i = 0; read_dynamic(elf, i, &entry); i++)
        if (entry.d_tag == tag)
            return entry.d_un.d_val;
    return 0;
}

static bool has_dynamic(const struct elf *elf, int64_t tag)
{
    Elf64_Dyn entry;
    for (uint64_t i = 0; read_dynamic(elf, i, &entry); i++)
        if (entry.d_tag == tag)
            return true;
    return false;
}

/* ---- how many symbols there are: only the hash tables know ---- */

static uint64_t count_by_gnu_hash(const struct elf *elf, uint64_t at)
{
    uint32_t head[4], bucket, last = 0, value;
    if (!copy(elf, at, head, sizeof head))
        return 0;
    uint64_t buckets = at + sizeof head + (uint64_t)head[2] * 8;
    uint64_t chains = buckets + (uint64_t)head[0] * 4;
    for (uint32_t i = 0; i < head[0] && copy(elf, buckets + (uint64_t)i * 4, &bucket, 4); i++)
        last = bucket > last ? bucket : last;
    if (last < head[1])
        return head[1]; /* all of them are undefined */
    while (last < SYMBOLS_MAX && copy(elf, chains + (uint64_t)(last - head[1]) * 4, &value, 4) &&
           !(value & 1))
        last++;
    return (uint64_t)last + 1;
}

static uint64_t count_symbols(const struct elf *elf)
{
    uint64_t at, count = 0;
    uint32_t head[2];
    if (offset_of(elf, dynamic_value(elf, DT_GNU_HASH), &at))
        count = count_by_gnu_hash(elf, at);
    else if (offset_of(elf, dynamic_value(elf, DT_HASH), &at) && copy(elf, at, head, sizeof head))
        count = head[1];
    return count < SYMBOLS_MAX ? count : SYMBOLS_MAX;
}

/* ---- the tables ---- */

static void find_tables(struct elf *elf)
{
    uint64_t size = dynamic_value(elf, DT_STRSZ);
    if (offset_of(elf, dynamic_value(elf, DT_STRTAB), &elf->strings_at))
        elf->strings_size = size < elf->size - elf->strings_at ? size : elf->size - elf->strings_at;
    if (offset_of(elf, dynamic_value(elf, DT_SYMTAB), &elf->symbols_at))
        elf->symbol_count = count_symbols(elf);
    if (offset_of(elf, dynamic_value(elf, DT_RELA), &elf->relocations_at[0]))
        elf->relocations_size[0] = dynamic_value(elf, DT_RELASZ);
    if (offset_of(elf, dynamic_value(elf, DT_JMPREL), &elf->relocations_at[1]))
        elf->relocations_size[1] = dynamic_value(elf, DT_PLTRELSZ);
    for (int i = 0; i < 2; i++)
        if (elf->relocations_size[i] > elf->size)
            elf->relocations_size[i] = 0;
    if (has_dynamic(elf, DT_SONAME))
        elf->soname = text(elf, dynamic_value(elf, DT_SONAME));
    if (has_dynamic(elf, DT_RUNPATH))
        elf->runpath = text(elf, dynamic_value(elf, DT_RUNPATH));
    if (has_dynamic(elf, DT_RPATH))
        elf->rpath = text(elf, dynamic_value(elf, DT_RPATH));
}

static void find_flags(struct elf *elf)
{
    uint64_t flags = dynamic_value(elf, DT_FLAGS), flags_1 = dynamic_value(elf, DT_FLAGS_1);
    elf->now = (flags & DF_BIND_NOW) || (flags_1 & DF_1_NOW) || has_dynamic(elf, DT_BIND_NOW);
    elf->nodelete = flags_1 & DF_1_NODELETE;
    elf->text_relocations = (flags & DF_TEXTREL) || has_dynamic(elf, DT_TEXTREL);
    elf->static_tls = flags & DF_STATIC_TLS;
}

int elf_parse(const unsigned char *data, size_t size, const char *path, struct elf *ret_elf,
              struct error *ret_error)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    struct elf elf = {.data = data, .size = size};
    unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    if (!copy(&elf, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != order ||
        header.e_type != ET_DYN || header.e_phentsize != sizeof segment)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s is not a 64-bit ELF shared object of this machine", path);
    elf.segments_at = header.e_phoff;
    elf.segment_count = header.e_phnum < SEGMENTS_MAX ? header.e_phnum : SEGMENTS_MAX;
    for (unsigned i = 0; read_segment(&elf, i, &segment); i++) {
        if (segment.p_type == PT_DYNAMIC) {
            elf.dynamic_at = segment.p_offset;
            elf.dynamic_count = segment.p_filesz / sizeof(Elf64_Dyn);
        }
        elf.relro = elf.relro || segment.p_type == PT_GNU_RELRO;
        elf.stack_marked = elf.stack_marked || segment.p_type == PT_GNU_STACK;
        elf.executable_stack |= segment.p_type == PT_GNU_STACK && (segment.p_flags & PF_X);
    }
    if (elf.dynamic_count > DYNAMIC_MAX)
        elf.dynamic_count = DYNAMIC_MAX;
    if (elf.dynamic_count == 0)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s has no dynamic section: link it with -shared", path);
    find_tables(&elf);
    find_flags(&elf);
    *ret_elf = elf;
    return 0;
}

int elf_open(const char *path, struct elf *ret_elf, struct error *ret_error)
{
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot open %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > FILE_MAX)
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s is not a regular file of a usable size",
                         path);
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return error_set(ret_error, LLMSPELL_EIO, "cannot read %s: %s", path, strerror(errno));
    int rc = elf_parse(data, (size_t)st.st_size, path, ret_elf, ret_error);
    if (rc < 0)
        munmap(data, (size_t)st.st_size);
    return rc;
}

void elf_close(struct elf *elf)
{
    if (elf->data)
        munmap((void *)elf->data, elf->size);
    elf->data = NULL;
}

/* ---- questions ---- */

const char *elf_needed(const struct elf *elf, size_t index)
{
    Elf64_Dyn entry;
    for (uint64_t i = 0; read_dynamic(elf, i, &entry); i++)
        if (entry.d_tag == DT_NEEDED && index-- == 0)
            return text(elf, entry.d_un.d_val);
    return NULL;
}

bool elf_symbol(const struct elf *elf, size_t index, struct elf_symbol *ret_symbol)
{
    Elf64_Sym symbol;
    if (index >= elf->symbol_count ||
        !copy(elf, elf->symbols_at + index * sizeof symbol, &symbol, sizeof symbol))
        return false;
    const char *name = text(elf, symbol.st_name);
    *ret_symbol = (struct elf_symbol){
        .name = name ? name : "",
        .value = symbol.st_value,
        .size = symbol.st_size,
        .binding = ELF64_ST_BIND(symbol.st_info),
        .type = ELF64_ST_TYPE(symbol.st_info),
        .visibility = ELF64_ST_VISIBILITY(symbol.st_other),
        .defined = symbol.st_shndx != SHN_UNDEF,
    };
    return true;
}

bool elf_read(const struct elf *elf, uint64_t address, void *buffer, size_t size)
{
    uint64_t at;
    return offset_of(elf, address, &at) && copy(elf, at, buffer, size);
}

bool elf_relocation(const struct elf *elf, uint64_t address, const char **ret_symbol)
{
    for (int table = 0; table < 2; table++) {
        uint64_t count = elf->relocations_size[table] / sizeof(Elf64_Rela);
        for (uint64_t i = 0; i < count; i++) {
            Elf64_Rela entry;
            struct elf_symbol symbol;
            if (!copy(elf, elf->relocations_at[table] + i * sizeof entry, &entry, sizeof entry))
                break;
            if (entry.r_offset != address)
                continue;
            uint64_t index = ELF64_R_SYM(entry.r_info);
            *ret_symbol = index && elf_symbol(elf, index, &symbol) ? symbol.name : "";
            return true;
        }
    }
    return false;
}
