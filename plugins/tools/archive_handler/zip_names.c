/* SPDX-License-Identifier: Apache-2.0
 * Names with a NUL in the central directory of a zip file: libarchive hands out what stands before
 * it, so that nobody would see that such a name means to deceive. */
#include "archive_handler.h"

#define END_SIZE 22u /* of the record at the end, without its comment */
#define TAIL_MAX (END_SIZE + 65535u)
#define RECORD_SIZE 46u           /* of an entry, without its name */
#define DIRECTORY_MAX (64u << 20) /* larger ones hold more entries than anybody may extract */

static uint32_t number(const unsigned char *at, size_t size)
{
    uint32_t value = 0;
    for (size_t i = size; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

static unsigned char *read_part(int fd, uint64_t from, size_t size)
{
    unsigned char *data = malloc(size + 1);
    size_t got = 0;
    while (data && got < size) {
        ssize_t n = pread(fd, data + got, size - got, (off_t)(from + got));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (got == size)
        return data;
    free(data);
    return NULL;
}

/* Where the directory lies; false: nowhere, or it is too large to look at. */
static bool find_directory(int fd, uint64_t size, uint64_t *ret_from, size_t *ret_size)
{
    size_t tail = size < TAIL_MAX ? (size_t)size : TAIL_MAX;
    LLMSPELL_CLEANUP_FREE unsigned char *data = read_part(fd, size - tail, tail);
    for (size_t at = tail; data && at >= END_SIZE; at--) {
        const unsigned char *end = data + at - END_SIZE;
        if (memcmp(end, "PK\5\6", 4) != 0)
            continue;
        uint64_t end_position = size - tail + at - END_SIZE;
        *ret_size = number(end + 12, 4);
        *ret_from = end_position - *ret_size; /* also with a program in front */
        return *ret_size <= end_position && *ret_size <= DIRECTORY_MAX;
    }
    return false;
}

json_t *zip_names_cut(int fd, uint64_t size)
{
    json_t *names = json_object();
    uint64_t from = 0;
    size_t room = 0;
    if (!names || !find_directory(fd, size, &from, &room))
        return names;
    LLMSPELL_CLEANUP_FREE unsigned char *data = read_part(fd, from, room);
    for (size_t at = 0; data && at + RECORD_SIZE <= room;) {
        const unsigned char *record = data + at;
        size_t length = number(record + 28, 2);
        if (memcmp(record, "PK\1\2", 4) != 0 || at + RECORD_SIZE + length > room)
            break;
        at += RECORD_SIZE + length + number(record + 30, 2) + number(record + 32, 2);
        const char *name = (const char *)record + RECORD_SIZE;
        if (!memchr(name, '\0', length))
            continue;
        LLMSPELL_CLEANUP_FREE char *text = name_text(name, true);
        if (!text || json_object_set_new(names, text, json_true()) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}
