/* SPDX-License-Identifier: Apache-2.0
 * The media type that metadata reports: the usual extensions, else the first bytes, else text or
 * octets. file_identifier is the tool for those who need to know exactly. */
#include "mime.h"

#include "file_operations.h"

static const struct {
    const char *extension, *type;
} extensions[] = {
    {"7z", "application/x-7z-compressed"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/x-c"},
    {"cc", "text/x-c++"},
    {"cpp", "text/x-c++"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"h", "text/x-c"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ini", "text/plain"},
    {"ipynb", "application/x-ipynb+json"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonl", "application/jsonl"},
    {"log", "text/plain"},
    {"lua", "text/x-lua"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mkv", "video/x-matroska"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"py", "text/x-python"},
    {"rs", "text/x-rust"},
    {"rtf", "application/rtf"},
    {"sh", "application/x-sh"},
    {"sql", "application/sql"},
    {"sqlite", "application/vnd.sqlite3"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "application/toml"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static const struct {
    unsigned char size;
    const char *bytes, *type;
} signatures[] = {
    {8, "\x89PNG\r\n\x1a\n", "image/png"},
    {3, "\xFF\xD8\xFF", "image/jpeg"},
    {4, "GIF8", "image/gif"},
    {5, "%PDF-", "application/pdf"},
    {4, "PK\x03\x04", "application/zip"},
    {2, "\x1F\x8B", "application/gzip"},
    {6,
     "\xFD"
     "7zXZ",
     "application/x-xz"},
    {4, "\x28\xB5\x2F\xFD", "application/zstd"},
    {3, "BZh", "application/x-bzip2"},
    {4,
     "\x7F"
     "ELF",
     "application/x-elf"},
    {16, "SQLite format 3", "application/vnd.sqlite3"},
    {4, "OggS", "audio/ogg"},
    {4, "fLaC", "audio/flac"},
    {2, "#!", "text/x-script"},
    {5, "<?xml", "application/xml"},
};

static const char *type_of_kind(mode_t mode)
{
    if (S_ISDIR(mode))
        return "inode/directory";
    if (S_ISLNK(mode))
        return "inode/symlink";
    if (S_ISFIFO(mode))
        return "inode/fifo";
    if (S_ISSOCK(mode))
        return "inode/socket";
    if (S_ISCHR(mode))
        return "inode/chardevice";
    return S_ISBLK(mode) ? "inode/blockdevice" : NULL;
}

static const char *type_of_extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name)
        return NULL;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(dot + 1, extensions[i].extension) == 0)
            return extensions[i].type;
    return NULL;
}

static const char *type_of_content(int folder, const char *name)
{
    char head[512];
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    if (got < 0)
        return "application/octet-stream";
    size_t size = (size_t)got;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (size >= signatures[i].size &&
            memcmp(head, signatures[i].bytes, signatures[i].size) == 0)
            return signatures[i].type;
    bool cut = false;
    size_t good = utf8_length(head, size, &cut);
    bool text = (good == size || (cut && size == sizeof head)) && !memchr(head, '\0', size);
    return text ? "text/plain" : "application/octet-stream";
}

const char *mime_type(int folder, const char *name, const struct stat *st)
{
    const char *type = type_of_kind(st->st_mode);
    if (!type)
        type = type_of_extension(name);
    if (!type && st->st_size == 0)
        type = "inode/x-empty";
    return type ? type : type_of_content(folder, name);
}
