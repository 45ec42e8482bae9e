/* SPDX-License-Identifier: Apache-2.0
 * The file as a package: a zip whose parts are read as XML, one at a time, straight from the
 * archive. Nothing is unpacked to disk; how much comes out is counted. */
#include "sheet.h"

#include <strings.h>

#include <archive.h>
#include <archive_entry.h>

#define FILE_MAX (500ull << 20)
#define UNPACKED_MAX (500ull << 20)
#define RATIO_MAX 200
#define RATIO_FROM (1u << 20) /* small files pack well without being bombs */
#define BLOCK 65536
#define TELL_EACH (1u << 20) /* bytes: some tens of milliseconds */

int32_t package_open(struct job *job, struct package *ret_package)
{
    uint64_t size = 0;
    int fd = llmspell_fs_open_file(job->call, llmspell_string(job->params, "path"), "/path",
                                   FILE_MAX, &size);
    if (fd < 0)
        return fd;
    *ret_package = (struct package){.job = job, .fd = fd, .size = size};
    return 0;
}

void package_close(struct package *package)
{
    if (package->fd >= 0)
        close(package->fd);
    package->fd = -1;
}

int32_t part_wrong(struct part *part, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return llmspell_fail_at(part->package->job->call, LLMSPELL_EPARSE, "/path", "%s: %s %s",
                            llmspell_string(part->package->job->params, "path"), part->name,
                            message);
}

/* ---- what libxml2 calls ---- */

static int32_t check_size(const struct package *package)
{
    struct llmspell_call *call = package->job->call;
    if (package->unpacked > UNPACKED_MAX)
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/path",
                                "the file unpacks to more than %llu MiB", UNPACKED_MAX >> 20);
    if (package->unpacked > RATIO_FROM && package->unpacked / RATIO_MAX > package->size)
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/path",
                                "the file unpacks to more than %d times its size", RATIO_MAX);
    return llmspell_cancelled(call);
}

/* Now and then, how far the reading is: what is unpacked of the part, of how much if that is known.
 */
static void tell(struct part *part, uint64_t more)
{
    struct llmspell_call *call = part->package->job->call;
    uint64_t before = part->done;
    part->done += more;
    if (before / TELL_EACH != part->done / TELL_EACH)
        call->host->progress(call, (double)part->done, (double)part->size, "reading the file");
}

static int on_read(void *context, char *data, int size)
{
    struct part *part = context;
    la_ssize_t got = archive_read_data(part->archive, data, (size_t)size);
    if (got < 0) {
        const char *why = archive_error_string(part->archive);
        part->stop = part_wrong(part, "is damaged: %.200s", why ? why : "the archive ends");
        return -1;
    }
    tell(part, (uint64_t)got);
    part->package->unpacked += (uint64_t)got;
    part->stop = check_size(part->package);
    return part->stop < 0 ? -1 : (int)got;
}

static int on_close(void *context)
{
    (void)context;
    return 0;
}

static void on_error(void *context, xmlErrorPtr error)
{
    struct part *part = context;
    if (error->level == XML_ERR_WARNING || part->message[0])
        return;
    snprintf(part->message, sizeof part->message, "%s", error->message ? error->message : "?");
    part->message[strcspn(part->message, "\n")] = '\0';
}

/* ---- parts ---- */

static int32_t not_a_package(struct job *job)
{
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path", "%s is not an XLSX or ODS file",
                            llmspell_string(job->params, "path"));
}

static int32_t find_entry(struct part *part, bool *ret_found)
{
    struct archive_entry *entry = NULL;
    struct job *job = part->package->job;
    for (;;) {
        int rc = archive_read_next_header(part->archive, &entry);
        if (rc == ARCHIVE_EOF)
            return 0;
        if (rc < ARCHIVE_WARN)
            return not_a_package(job);
        const char *name = archive_entry_pathname(entry);
        *ret_found = name && strcasecmp(name, part->name) == 0;
        if (*ret_found && archive_entry_size_is_set(entry))
            part->size = (uint64_t)archive_entry_size(entry);
        int32_t stop = *ret_found ? 0 : llmspell_cancelled(job->call);
        if (*ret_found || stop < 0)
            return stop;
    }
}

static int32_t open_reader(struct part *part)
{
    part->reader = xmlReaderForIO(on_read, on_close, part, NULL, NULL, XML_PARSE_NONET);
    if (!part->reader)
        return job_no_memory(part->package->job);
    xmlTextReaderSetStructuredErrorHandler(part->reader, on_error, part);
    return 0;
}

int32_t part_open(struct package *package, const char *name, struct part *ret_part, bool *ret_found)
{
    *ret_part = (struct part){.package = package, .name = name};
    *ret_found = false;
    ret_part->archive = archive_read_new();
    if (!ret_part->archive || lseek(package->fd, 0, SEEK_SET) != 0)
        return job_no_memory(package->job);
    archive_read_support_format_zip(ret_part->archive);
    if (archive_read_open_fd(ret_part->archive, package->fd, BLOCK) != ARCHIVE_OK)
        return not_a_package(package->job);
    int32_t rc = find_entry(ret_part, ret_found);
    return rc == 0 && *ret_found ? open_reader(ret_part) : rc;
}

void part_close(struct part *part)
{
    if (part->reader)
        xmlFreeTextReader(part->reader);
    if (part->archive)
        archive_read_free(part->archive);
    part->reader = NULL;
    part->archive = NULL;
}

int32_t part_next(struct part *part)
{
    int more = xmlTextReaderRead(part->reader);
    if (part->stop < 0)
        return part->stop;
    if (more < 0 && (strstr(part->message, "huge") || strstr(part->message, "Excessive depth")))
        return llmspell_fail_at(part->package->job->call, LLMSPELL_ELIMIT, "/path",
                                "%s goes beyond a limit of libxml2: %s", part->name, part->message);
    if (more < 0)
        return part_wrong(part, "is not well-formed XML: %s (line %d)", part->message,
                          xmlTextReaderGetParserLineNumber(part->reader));
    if (more && xmlTextReaderNodeType(part->reader) == XML_READER_TYPE_DOCUMENT_TYPE)
        return part_wrong(part, "has a DOCTYPE, which is not accepted");
    return more;
}

/* ---- nodes ---- */

bool part_at(const struct part *part, int type, const char *local_name)
{
    return xmlTextReaderNodeType(part->reader) == type &&
           xmlStrEqual(xmlTextReaderConstLocalName(part->reader), (const xmlChar *)local_name);
}

bool part_is_text(const struct part *part)
{
    int type = xmlTextReaderNodeType(part->reader);
    return type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
           type == XML_READER_TYPE_WHITESPACE || type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE;
}

xmlChar *part_attribute(const struct part *part, const char *local_name)
{
    xmlChar *value = NULL;
    for (int more = xmlTextReaderMoveToFirstAttribute(part->reader); more == 1 && !value;
         more = xmlTextReaderMoveToNextAttribute(part->reader))
        if (xmlStrEqual(xmlTextReaderConstLocalName(part->reader), (const xmlChar *)local_name) &&
            xmlTextReaderIsNamespaceDecl(part->reader) != 1)
            value = xmlTextReaderValue(part->reader);
    xmlTextReaderMoveToElement(part->reader);
    return value;
}

bool part_attribute_is(const struct part *part, const char *local_name, const char *text)
{
    xmlChar *value = part_attribute(part, local_name);
    bool is = value && xmlStrEqual(value, (const xmlChar *)text);
    xmlFree(value);
    return is;
}

long part_attribute_number(const struct part *part, const char *local_name, long fallback)
{
    xmlChar *value = part_attribute(part, local_name);
    char *end = NULL;
    long number = value ? strtol((const char *)value, &end, 10) : fallback;
    if (value && (*end || end == (char *)value || number < 0))
        number = fallback;
    xmlFree(value);
    return number;
}

int32_t part_text(struct part *part, struct byte_buffer *out)
{
    int depth = xmlTextReaderDepth(part->reader);
    if (xmlTextReaderIsEmptyElement(part->reader))
        return 0;
    for (;;) {
        int32_t rc = part_next(part);
        if (rc <= 0)
            return rc;
        if (part_is_text(part))
            buffer_puts(out, (const char *)xmlTextReaderConstValue(part->reader));
        if (xmlTextReaderNodeType(part->reader) == XML_READER_TYPE_END_ELEMENT &&
            xmlTextReaderDepth(part->reader) <= depth)
            return 0;
    }
}
