/* SPDX-License-Identifier: Apache-2.0
 * The formats: by name, by extension, and as libarchive numbers them. */
#include "archive_handler.h"

#define RAW ARCHIVE_FORMAT_RAW
#define TAR ARCHIVE_FORMAT_TAR

static const struct format formats[] = {
    {"zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {".zip", ".jar"}},
    {"tar", TAR, ARCHIVE_FILTER_NONE, {".tar"}},
    {"tar.gz", TAR, ARCHIVE_FILTER_GZIP, {".tar.gz", ".tgz"}},
    {"tar.bz2", TAR, ARCHIVE_FILTER_BZIP2, {".tar.bz2", ".tbz2", ".tbz"}},
    {"tar.xz", TAR, ARCHIVE_FILTER_XZ, {".tar.xz", ".txz"}},
    {"tar.zst", TAR, ARCHIVE_FILTER_ZSTD, {".tar.zst", ".tzst"}},
    {"7z", ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE, {".7z"}},
    {"gz", RAW, ARCHIVE_FILTER_GZIP, {".gz"}},
    {"bz2", RAW, ARCHIVE_FILTER_BZIP2, {".bz2"}},
    {"xz", RAW, ARCHIVE_FILTER_XZ, {".xz"}},
    {"zst", RAW, ARCHIVE_FILTER_ZSTD, {".zst"}},
};
#define FORMATS (sizeof formats / sizeof *formats)

/* What is read beyond these. */
static const struct {
    int code;
    const char *name;
} others[] = {
    {ARCHIVE_FORMAT_CPIO, "cpio"},
    {ARCHIVE_FORMAT_AR, "ar"},
    {ARCHIVE_FORMAT_ISO9660, "iso"},
    {ARCHIVE_FORMAT_CAB, "cab"},
    {ARCHIVE_FORMAT_RAR, "rar"},
    {ARCHIVE_FORMAT_RAR_V5, "rar"},
    {TAR, "tar"},
    {ARCHIVE_FORMAT_ZIP, "zip"},
    {ARCHIVE_FORMAT_7ZIP, "7z"},
};

static const struct {
    int code;
    const char *name;
} filters[] = {
    {ARCHIVE_FILTER_GZIP, "gz"},  {ARCHIVE_FILTER_BZIP2, "bz2"},  {ARCHIVE_FILTER_XZ, "xz"},
    {ARCHIVE_FILTER_ZSTD, "zst"}, {ARCHIVE_FILTER_LZMA, "lzma"},  {ARCHIVE_FILTER_LZ4, "lz4"},
    {ARCHIVE_FILTER_LZIP, "lz"},  {ARCHIVE_FILTER_COMPRESS, "Z"},
};

const struct format *format_named(const char *name)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static bool ends_with(const char *path, const char *extension)
{
    size_t size = strlen(path), want = strlen(extension);
    return size > want && strcasecmp(path + size - want, extension) == 0;
}

const struct format *format_of_file(const char *path)
{
    for (size_t i = 0; i < FORMATS; i++)
        for (const char *const *extension = formats[i].extensions; *extension; extension++)
            if (ends_with(path, *extension))
                return &formats[i];
    return NULL;
}

const struct format *format_of_codes(int code, int filter)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].code == code && formats[i].filter == filter)
            return &formats[i];
    return NULL;
}

void format_describe(int code, int filter, char *ret_text, size_t room)
{
    const char *name = "", *packed = "";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].code == code)
            name = others[i].name;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (filters[i].code == filter)
            packed = filters[i].name;
    snprintf(ret_text, room, "%s%s%s", name, *name && *packed ? "." : "", packed);
}
