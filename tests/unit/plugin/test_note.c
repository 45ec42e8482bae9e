/* SPDX-License-Identifier: Apache-2.0
 * host/plugin/note.c: notes made byte by byte, whole, cut and lying about their sizes. */
#include "test.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "plugin/note.h"

#define LONGEST 300000

struct image {
    unsigned char *bytes;
    size_t size;
};

/* One note as it stands in a segment; sizes are written as given, whatever text is. */
static size_t put_note(unsigned char *at, uint32_t namesz, uint32_t descsz, uint32_t type,
                       const char *text, size_t text_size)
{
    Elf64_Nhdr header = {namesz, descsz, type};
    memcpy(at, &header, sizeof header);
    memcpy(at + sizeof header, "llmspell\0\0\0", 12);
    memcpy(at + sizeof header + 12, text, text_size);
    return (sizeof header + 12 + text_size + 3) & ~(size_t)3;
}

static void test_find(void)
{
    unsigned char segment[256] = {0};
    const unsigned char *text;
    size_t size, end = put_note(segment, 9, 5, 7, "other", 5);
    end += put_note(segment + end, 9, 2, 1, "{}", 2);
    CU_ASSERT_EQUAL(note_find(segment, end, 4, &text, &size), 1);
    CU_ASSERT_EQUAL(size, 2);
    CU_ASSERT_EQUAL(memcmp(text, "{}", 2), 0);
    CU_ASSERT_EQUAL(note_find(segment, 20, 4, &text, &size) < 0, 1); /* cut in the first */
    CU_ASSERT_EQUAL(note_find(segment, 0, 4, &text, &size), 0);
    put_note(segment, 9, 0xFFFFFFFF, 1, "{}", 2); /* wraps around if added carelessly */
    CU_ASSERT_TRUE(note_find(segment, 64, 4, &text, &size) < 0);
    put_note(segment, 0xFFFFFFFF, 2, 1, "{}", 2);
    CU_ASSERT_TRUE(note_find(segment, 64, 4, &text, &size) < 0);
}

/* A shared object with one PT_NOTE segment. */
static struct image make_elf(const char *text, size_t text_size, uint32_t descsz)
{
    struct image image = {calloc(1, LONGEST + 4096), 0};
    Elf64_Ehdr *header = (Elf64_Ehdr *)image.bytes;
    Elf64_Phdr *segment = (Elf64_Phdr *)(image.bytes + sizeof *header);
    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_DYN;
#if defined(__x86_64__)
    header->e_machine = EM_X86_64;
#elif defined(__aarch64__)
    header->e_machine = EM_AARCH64;
#endif
    header->e_phoff = sizeof *header;
    header->e_phentsize = sizeof *segment;
    header->e_phnum = 1;
    segment->p_type = PT_NOTE;
    segment->p_offset = sizeof *header + sizeof *segment;
    segment->p_align = 4;
    segment->p_filesz = segment->p_memsz =
        put_note(image.bytes + segment->p_offset, 9, descsz, 1, text, text_size);
    image.size = segment->p_offset + segment->p_filesz;
    return image;
}

/* Reads size bytes of an image from a file; frees the image. */
static int read_image(struct image image, size_t size, char **ret_text, struct error *ret_error)
{
    char path[] = "/tmp/llmspell-note-XXXXXX";
    struct note_stamp stamp;
    size_t length = 0;
    int fd = mkstemp(path);
    ssize_t written = write(fd, image.bytes, size);
    CU_ASSERT_EQUAL((size_t)written, size);
    close(fd);
    int rc = note_read(path, ret_text, &length, &stamp, ret_error);
    if (rc == 0)
        CU_ASSERT_EQUAL(strlen(*ret_text), length);
    unlink(path);
    free(image.bytes);
    return rc;
}

static void test_read(void)
{
    struct error error = {0};
    char *text = NULL;
    struct image image = make_elf("{\"a\":1}", 7, 7);
    CU_ASSERT_EQUAL(read_image(image, image.size, &text, &error), 0);
    CU_ASSERT_STRING_EQUAL(text, "{\"a\":1}");
    free(text);
}

static void test_every_cut(void)
{
    for (size_t size = 0;; size++) {
        struct error error = {0};
        char *text = NULL;
        struct image image = make_elf("{\"a\":1}", 7, 7);
        size_t whole = image.size;
        int rc = read_image(image, size < whole ? size : whole, &text, &error);
        free(text);
        if (size >= whole) {
            CU_ASSERT_EQUAL(rc, 0);
            break;
        }
        CU_ASSERT_EQUAL(rc, LLMSPELL_EREFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "/tmp/llmspell-note-"));
    }
}

static void test_too_large(void)
{
    struct error error = {0};
    char *text = NULL, *large = malloc(LONGEST);
    memset(large, ' ', LONGEST);
    struct image image = make_elf(large, LONGEST, LONGEST);
    CU_ASSERT_EQUAL(read_image(image, image.size, &text, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "300000"));
    image = make_elf("", 0, 0);
    CU_ASSERT_EQUAL(read_image(image, image.size, &text, &error), LLMSPELL_EREFUSED);
    free(large);
}

static void test_wrong_files(void)
{
    struct error error;
    struct note_stamp stamp;
    char *text = NULL;
    size_t size;
    struct image image = make_elf("{}", 2, 2);
    image.bytes[EI_CLASS] = ELFCLASS32;
    CU_ASSERT_EQUAL(read_image(image, image.size, &text, &error), LLMSPELL_EREFUSED);
    image = make_elf("{}", 2, 2);
    ((Elf64_Ehdr *)image.bytes)->e_phoff = UINT64_MAX - 8;
    CU_ASSERT_TRUE(read_image(image, image.size, &text, &error) < 0);
    image = make_elf("{}", 2, 2);
    ((Elf64_Phdr *)(image.bytes + sizeof(Elf64_Ehdr)))->p_filesz = UINT64_MAX;
    CU_ASSERT_EQUAL(read_image(image, image.size, &text, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_EQUAL(note_read("/nonexistent", &text, &size, &stamp, &error), LLMSPELL_EIO);
    CU_ASSERT_EQUAL(note_read("/tmp", &text, &size, &stamp, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_EQUAL(note_read(SOURCE_DIR "/README.md", &text, &size, &stamp, &error) < 0, 1);
}

TEST_MAIN("note", {"find", test_find}, {"read", test_read}, {"every cut", test_every_cut},
          {"too large", test_too_large}, {"wrong files", test_wrong_files})
