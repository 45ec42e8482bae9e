/* SPDX-License-Identifier: Apache-2.0
 * The tables of media types and extensions, beyond what libmagic tells of extensions. */
#include "types.h"

#include <string.h>
#include <strings.h>

#define ZIP "application/zip"
#define OLE "application/x-ole-storage"
#define ODF "application/vnd.oasis.opendocument."
#define OOXML "application/vnd.openxmlformats-officedocument."
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* By extension. container: what the content is called where only its wrapping was recognised. */
static const struct {
    const char *extension, *mime, *container;
} known[] = {
    {"7z", "application/x-7z-compressed", NULL},
    {"aac", "audio/x-hx-aac-adts", NULL},
    {"apk", "application/vnd.android.package-archive", ZIP},
    {"avi", "video/x-msvideo", NULL},
    {"avif", "image/avif", NULL},
    {"bash", "text/x-shellscript", NULL},
    {"bin", "application/octet-stream", NULL},
    {"bmp", "image/bmp", NULL},
    {"bz2", "application/x-bzip2", NULL},
    {"c", "text/x-c", NULL},
    {"cc", "text/x-c++", NULL},
    {"cfg", "text/plain", NULL},
    {"class", "application/x-java-applet", NULL},
    {"conf", "text/plain", NULL},
    {"cpp", "text/x-c++", NULL},
    {"css", "text/css", NULL},
    {"csv", "text/csv", NULL},
    {"dat", "application/octet-stream", NULL},
    {"deb", "application/vnd.debian.binary-package", NULL},
    {"diff", "text/x-diff", NULL},
    {"doc", "application/msword", OLE},
    {"docx", OOXML "wordprocessingml.document", ZIP},
    {"eml", "message/rfc822", NULL},
    {"eps", "application/postscript", NULL},
    {"epub", "application/epub+zip", ZIP},
    {"exe", "application/vnd.microsoft.portable-executable", NULL},
    {"flac", "audio/flac", NULL},
    {"gif", "image/gif", NULL},
    {"go", "text/x-go", NULL},
    {"gz", "application/gzip", NULL},
    {"h", "text/x-c", NULL},
    {"heic", "image/heic", NULL},
    {"hpp", "text/x-c++", NULL},
    {"htm", "text/html", NULL},
    {"html", "text/html", NULL},
    {"ico", "image/vnd.microsoft.icon", NULL},
    {"ics", "text/calendar", NULL},
    {"ini", "text/plain", NULL},
    {"ipynb", "application/json", NULL},
    {"iso", "application/x-iso9660-image", NULL},
    {"jar", "application/java-archive", ZIP},
    {"java", "text/x-java", NULL},
    {"jpeg", "image/jpeg", NULL},
    {"jpg", "image/jpeg", NULL},
    {"js", "text/javascript", NULL},
    {"json", "application/json", NULL},
    {"jsonl", "application/x-ndjson", NULL},
    {"log", "text/plain", NULL},
    {"lua", "text/x-lua", NULL},
    {"m4a", "audio/x-m4a", NULL},
    {"markdown", "text/markdown", NULL},
    {"md", "text/markdown", NULL},
    {"mjs", "text/javascript", NULL},
    {"mkv", "video/x-matroska", NULL},
    {"mov", "video/quicktime", NULL},
    {"mp3", "audio/mpeg", NULL},
    {"mp4", "video/mp4", NULL},
    {"mpeg", "video/mpeg", NULL},
    {"mpg", "video/mpeg", NULL},
    {"ndjson", "application/x-ndjson", NULL},
    {"o", "application/x-object", NULL},
    {"odp", ODF "presentation", ZIP},
    {"ods", ODF "spreadsheet", ZIP},
    {"odt", ODF "text", ZIP},
    {"ogg", "audio/ogg", NULL},
    {"opus", "audio/ogg", NULL},
    {"otf", "font/otf", NULL},
    {"patch", "text/x-diff", NULL},
    {"pdf", "application/pdf", NULL},
    {"php", "text/x-php", NULL},
    {"pl", "text/x-perl", NULL},
    {"png", "image/png", NULL},
    {"ppt", "application/vnd.ms-powerpoint", OLE},
    {"pptx", OOXML "presentationml.presentation", ZIP},
    {"ps", "application/postscript", NULL},
    {"py", "text/x-script.python", NULL},
    {"rar", "application/x-rar", NULL},
    {"rb", "text/x-ruby", NULL},
    {"rs", "text/x-rust", NULL},
    {"rst", "text/x-rst", NULL},
    {"rtf", "text/rtf", NULL},
    {"sh", "text/x-shellscript", NULL},
    {"so", "application/x-sharedlib", NULL},
    {"sql", "text/x-sql", NULL},
    {"sqlite", "application/vnd.sqlite3", NULL},
    {"sqlite3", "application/vnd.sqlite3", NULL},
    {"srt", "application/x-subrip", NULL},
    {"svg", "image/svg+xml", NULL},
    {"tar", "application/x-tar", NULL},
    {"tex", "text/x-tex", NULL},
    {"text", "text/plain", NULL},
    {"tgz", "application/gzip", NULL},
    {"tif", "image/tiff", NULL},
    {"tiff", "image/tiff", NULL},
    {"toml", "application/toml", NULL},
    {"ts", "text/x-typescript", NULL},
    {"tsv", "text/tab-separated-values", NULL},
    {"ttf", "font/sfnt", NULL},
    {"txt", "text/plain", NULL},
    {"vtt", "text/vtt", NULL},
    {"wasm", "application/wasm", NULL},
    {"wav", "audio/wav", NULL},
    {"webm", "video/webm", NULL},
    {"webp", "image/webp", NULL},
    {"whl", "application/zip", NULL},
    {"woff", "font/woff", NULL},
    {"woff2", "font/woff2", NULL},
    {"xhtml", "text/html", NULL},
    {"xls", "application/vnd.ms-excel", OLE},
    {"xlsx", OOXML "spreadsheetml.sheet", ZIP},
    {"xml", "text/xml", NULL},
    {"xz", "application/x-xz", NULL},
    {"yaml", "application/yaml", NULL},
    {"yml", "application/yaml", NULL},
    {"zip", "application/zip", NULL},
    {"zst", "application/zstd", NULL},
};

/* Other names of one type; the second one counts. */
static const struct {
    const char *other, *mime;
} names[] = {
    {"application/cdfv2", OLE},
    {"application/javascript", "text/javascript"},
    {"application/x-javascript", "text/javascript"},
    {"application/rtf", "text/rtf"},
    {"application/vnd.rar", "application/x-rar"},
    {"application/x-bzip", "application/x-bzip2"},
    {"application/x-dosexec", "application/vnd.microsoft.portable-executable"},
    {"application/x-empty", "inode/x-empty"},
    {"application/x-gzip", "application/gzip"},
    {"application/x-sh", "text/x-shellscript"},
    {"application/x-sqlite3", "application/vnd.sqlite3"},
    {"application/x-yaml", "application/yaml"},
    {"application/x-zip-compressed", "application/zip"},
    {"application/x-zstd", "application/zstd"},
    {"application/xml", "text/xml"},
    {"audio/mp3", "audio/mpeg"},
    {"audio/vnd.wave", "audio/wav"},
    {"audio/x-flac", "audio/flac"},
    {"audio/x-wav", "audio/wav"},
    {"font/ttf", "font/sfnt"},
    {"image/jpg", "image/jpeg"},
    {"image/svg", "image/svg+xml"},
    {"image/x-bmp", "image/bmp"},
    {"image/x-icon", "image/vnd.microsoft.icon"},
    {"image/x-ms-bmp", "image/bmp"},
    {"text/x-python", "text/x-script.python"},
    {"text/yaml", "application/yaml"},
    {"text/x-yaml", "application/yaml"},
    {"video/x-mkv", "video/x-matroska"},
};

/* Text that says so itself: a file with another extension of text is then not what it claims. */
static const char *const marked[] = {"application/json", "application/postscript",
                                     "image/svg+xml",    "text/html",
                                     "text/rtf",         "text/xml"};

static bool same_type(const char *mime, const char *text, size_t size)
{
    return strlen(mime) == size && strncasecmp(mime, text, size) == 0;
}

static const char *type_name(const char *mime, size_t *size)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (same_type(names[i].other, mime, *size)) {
            *size = strlen(names[i].mime);
            return names[i].mime;
        }
    return mime;
}

bool type_covers(const char *wanted, const char *mime)
{
    size_t size = strcspn(wanted, "; \t"), other = strlen(mime);
    if (size == 3 && strncmp(wanted, "*/*", size) == 0)
        return true;
    if (size >= 2 && strncmp(wanted + size - 2, "/*", 2) == 0)
        return other > size - 1 && strncasecmp(wanted, mime, size - 1) == 0;
    wanted = type_name(wanted, &size);
    mime = type_name(mime, &other);
    return size == other && strncasecmp(wanted, mime, size) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

bool type_is_text(const char *mime)
{
    static const char *const others[] = {
        "application/json", "application/x-ndjson",   "application/javascript", "application/toml",
        "application/yaml", "application/postscript", "application/x-subrip",   "message/rfc822"};
    if (strncmp(mime, "text/", 5) == 0 || ends_with(mime, "+xml") || ends_with(mime, "+json"))
        return true;
    for (size_t i = 0; i < COUNT(others); i++)
        if (strcmp(mime, others[i]) == 0)
            return true;
    return false;
}

const char *path_extension(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot && dot != name && dot[1] ? dot + 1 : NULL;
}

bool type_add_extensions(const char *mime, json_t *extensions)
{
    if (strcmp(mime, "application/octet-stream") == 0)
        return true; /* unknown data has no usual name */
    for (size_t i = 0; i < COUNT(known); i++)
        if (type_covers(known[i].mime, mime) &&
            json_array_append_new(extensions, json_string(known[i].extension)) != 0)
            return false;
    return true;
}

static bool is_marked(const char *mime)
{
    for (size_t i = 0; i < COUNT(marked); i++)
        if (type_covers(marked[i], mime))
            return true;
    return false;
}

/* libmagic takes text of one kind for another easily: only what marks itself can be out of place.
 */
static bool text_fits(const char *mime, const char *of_extension)
{
    return type_is_text(mime) && type_is_text(of_extension) &&
           (!is_marked(mime) || strcmp(of_extension, "text/plain") == 0);
}

enum fit type_fits_extension(const char *mime, const json_t *extensions, const char *extension)
{
    size_t i;
    json_t *value;
    json_array_foreach(extensions, i, value) if (strcasecmp(json_string_value(value), extension) ==
                                                 0) return FIT_YES;
    bool listed = false;
    for (i = 0; i < COUNT(known); i++) {
        if (strcasecmp(known[i].extension, extension) != 0)
            continue;
        listed = true;
        if (type_covers(known[i].mime, mime) || text_fits(mime, known[i].mime) ||
            (known[i].container && type_covers(known[i].container, mime)))
            return FIT_YES;
    }
    if (listed)
        return FIT_NO;
    return !type_is_text(mime) && json_array_size(extensions) > 0 ? FIT_NO : FIT_UNKNOWN;
}
