/* SPDX-License-Identifier: Apache-2.0
 * The note reader: bounds-checked, since the bytes are foreign (tests/fuzz/fuzz_note.c). */
#include "plugin/note.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/plugin.h>

#define HEAD_SIZE 16384 /* the first read: headers, and mostly the note too */
#define SEGMENTS_MAX 64 /* program headers that are looked at */
#define SEGMENT_MAX (LLMSPELL_NOTE_MAX + 65536) /* bytes of one PT_NOTE segment */

struct file {
    int fd;
    const char *path;
    unsigned char head[HEAD_SIZE];
    size_t head_size;
};

bool note_stamp_same_file(const struct note_stamp *a, const struct note_stamp *b)
{
    return a->device == b->device && a->inode == b->inode;
}

bool note_stamp_equal(const struct note_stamp *a, const struct note_stamp *b)
{
    return note_stamp_same_file(a, b) && a->mtime_ns == b->mtime_ns && a->size == b->size;
}

int note_find(const unsigned char *segment, size_t size, size_t alignment,
              const unsigned char **ret_text, size_t *ret_size)
{
    size_t align = alignment == 8 ? 8 : 4, at = 0;
    while (size - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr header;
        memcpy(&header, segment + at, sizeof header);
        size_t name_at = at + sizeof header;
        size_t name_size = ((size_t)header.n_namesz + 3) & ~(size_t)3;
        if (name_size > size - name_at)
            return LLMSPELL_EREFUSED;
        size_t text_at = (name_at + name_size + align - 1) & ~(align - 1);
        if (text_at > size || header.n_descsz > size - text_at)
            return LLMSPELL_EREFUSED;
        if (header.n_type == LLMSPELL_NOTE_MANIFEST &&
            header.n_namesz == sizeof LLMSPELL_NOTE_OWNER &&
            memcmp(segment + name_at, LLMSPELL_NOTE_OWNER, sizeof LLMSPELL_NOTE_OWNER) == 0) {
            *ret_text = segment + text_at;
            *ret_size = header.n_descsz;
            return 1;
        }
        size_t next = (text_at + header.n_descsz + align - 1) & ~(align - 1);
        if (next > size)
            break;
        at = next;
    }
    return 0;
}

/* Reads exactly size bytes at offset, from the head if they lie there. */
static int read_at(struct file *file, void *buffer, size_t size, uint64_t offset,
                   struct error *ret_error)
{
    if (offset <= file->head_size && size <= file->head_size - offset) {
        memcpy(buffer, file->head + offset, size);
        return 0;
    }
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(file->fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(ret_error, LLMSPELL_EIO, "cannot read %s: %s", file->path,
                             strerror(errno));
        if (n == 0)
            return error_set(ret_error, LLMSPELL_EREFUSED,
                             "%s is cut: it ends before byte %llu; build or copy it again",
                             file->path, (unsigned long long)(offset + size));
        done += (size_t)n;
    }
    return 0;
}

static uint16_t own_machine(void)
{
#if defined(__x86_64__)
    return EM_X86_64;
#elif defined(__aarch64__)
    return EM_AARCH64;
#elif defined(__riscv)
    return EM_RISCV;
#elif defined(__powerpc64__)
    return EM_PPC64;
#elif defined(__s390x__)
    return EM_S390;
#else
    return EM_NONE;
#endif
}

static int check_elf(const struct file *file, Elf64_Ehdr *ret_header, struct error *ret_error)
{
    const char *cure = "a plugin is an ELF shared object made by llmspell_add_tool()";
    if (file->head_size < sizeof *ret_header || memcmp(file->head, ELFMAG, SELFMAG) != 0)
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s is not an ELF file: %s", file->path,
                         cure);
    memcpy(ret_header, file->head, sizeof *ret_header);
    unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    if (ret_header->e_ident[EI_CLASS] != ELFCLASS64 || ret_header->e_ident[EI_DATA] != order ||
        (own_machine() != EM_NONE && ret_header->e_machine != own_machine()))
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s was built for another kind of machine; build it on this one",
                         file->path);
    if (ret_header->e_type != ET_DYN || ret_header->e_phentsize != sizeof(Elf64_Phdr))
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s is not a shared object: %s", file->path,
                         cure);
    return 0;
}

/* Looks for the manifest in one segment: 1 and a copy, 0, or an error. */
static int read_segment(struct file *file, const Elf64_Phdr *segment, char **ret_text,
                        size_t *ret_size, struct error *ret_error)
{
    if (segment->p_filesz > SEGMENT_MAX)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: its notes have %llu bytes; a manifest may have %d", file->path,
                         (unsigned long long)segment->p_filesz, LLMSPELL_NOTE_MAX);
    LLMSPELL_CLEANUP_FREE unsigned char *bytes = malloc(segment->p_filesz + 1);
    if (!bytes)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory reading %s", file->path);
    int rc = read_at(file, bytes, segment->p_filesz, segment->p_offset, ret_error);
    if (rc < 0)
        return rc;
    const unsigned char *text;
    size_t size;
    rc = note_find(bytes, segment->p_filesz, segment->p_align, &text, &size);
    if (rc < 0)
        return error_set(ret_error, rc,
                         "%s: a note in it is cut (it is longer than its segment); build it again",
                         file->path);
    if (rc == 0)
        return 0;
    if (size == 0 || size > LLMSPELL_NOTE_MAX)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: its manifest has %zu bytes; 1 to %d are allowed", file->path, size,
                         LLMSPELL_NOTE_MAX);
    memmove(bytes, text, size);
    bytes[size] = '\0';
    *ret_text = (char *)bytes;
    *ret_size = size;
    bytes = NULL;
    return 1;
}

static int find_segment(struct file *file, char **ret_text, size_t *ret_size,
                        struct error *ret_error)
{
    Elf64_Ehdr header = {0};
    int rc = check_elf(file, &header, ret_error);
    if (rc < 0)
        return rc;
    unsigned count = header.e_phnum < SEGMENTS_MAX ? header.e_phnum : SEGMENTS_MAX;
    for (unsigned i = 0; i < count; i++) {
        Elf64_Phdr segment;
        rc =
            read_at(file, &segment, sizeof segment, header.e_phoff + i * sizeof segment, ret_error);
        if (rc < 0)
            return rc;
        if (segment.p_type != PT_NOTE)
            continue;
        rc = read_segment(file, &segment, ret_text, ret_size, ret_error);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s holds no llmspell manifest (no note \"%s\"): build it with "
                     "llmspell_add_tool() or link the note object",
                     file->path, LLMSPELL_NOTE_OWNER);
}

struct note_stamp note_stamp_of(const struct stat *st)
{
    return (struct note_stamp){
        .device = st->st_dev,
        .inode = st->st_ino,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .size = st->st_size,
        .mode = st->st_mode,
    };
}

int note_read(const char *path, char **ret_text, size_t *ret_size, struct note_stamp *ret_stamp,
              struct error *ret_error)
{
    struct file file = {.path = path};
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot open %s: %s", path, strerror(errno));
    *ret_stamp = note_stamp_of(&st);
    if (!S_ISREG(st.st_mode))
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s is not a regular file", path);
    ssize_t n = pread(fd, file.head, sizeof file.head, 0);
    if (n < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot read %s: %s", path, strerror(errno));
    file.fd = fd;
    file.head_size = (size_t)n;
    return find_segment(&file, ret_text, ret_size, ret_error);
}
