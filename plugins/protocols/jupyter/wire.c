/* SPDX-License-Identifier: Apache-2.0
 * Frames <-> messages. The signature is checked over the raw frames before a byte of them is
 * parsed; headers are written by hand, for they are most of what a message costs. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <llmspell/error.h>

#include "scan.h"

enum { PART_HEADER, PART_PARENT, PART_METADATA, PART_CONTENT, PARTS };

/* ---- in ---- */

void wire_clear(struct wire_frames *frames)
{
    size_t kept = frames->count < WIRE_FRAMES_MAX ? frames->count : WIRE_FRAMES_MAX;
    for (size_t i = 0; i < kept; i++)
        zmq_msg_close(&frames->messages[i]);
    frames->count = 0;
}

static int receive_frame(void *socket, zmq_msg_t *message)
{
    zmq_msg_init(message);
    while (zmq_msg_recv(message, socket, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR)
            continue;
        int result = errno == EAGAIN ? LLMSPELL_EUNAVAILABLE : LLMSPELL_EIO;
        zmq_msg_close(message);
        return result;
    }
    return 0;
}

int wire_receive(void *socket, struct wire_frames *frames)
{
    int more = 1;
    wire_clear(frames);
    while (more) {
        zmq_msg_t extra;
        int keep = frames->count < WIRE_FRAMES_MAX;
        zmq_msg_t *message = keep ? &frames->messages[frames->count] : &extra;
        int result = receive_frame(socket, message);
        if (result < 0)
            return result;
        more = zmq_msg_more(message);
        if (keep)
            frames->spans[frames->count] =
                (struct span){zmq_msg_data(message), zmq_msg_size(message)};
        else
            zmq_msg_close(message);
        frames->count++;
    }
    return 0;
}

static int decode_header(struct wire_message *message, const char **ret_why)
{
    struct scan_member wanted[] = {
        {"msg_type", message->msg_type, sizeof message->msg_type},
        {"msg_id", message->msg_id, sizeof message->msg_id},
    };
    if (scan_members(message->header, wanted, 2, ret_why) < 0)
        return LLMSPELL_EPROTO;
    *ret_why = "msg_type or msg_id is missing in the header";
    return message->msg_type[0] && message->msg_id[0] ? 0 : LLMSPELL_EPROTO;
}

static int decode_parts(struct wire_message *message, const char **ret_why)
{
    struct scan_member parent = {"msg_id", message->parent_id, sizeof message->parent_id};
    if (decode_header(message, ret_why) < 0)
        return LLMSPELL_EPROTO;
    if (span_is(message->parent, "null")) /* some peers' "no parent" */
        message->parent = SPAN_LITERAL("{}");
    if (scan_members(message->parent, &parent, 1, ret_why) < 0 ||
        scan_members(message->metadata, NULL, 0, ret_why) < 0)
        return LLMSPELL_EPROTO;
    return 0;
}

int wire_decode(struct signer *signer, struct replay *replay, const struct span *frames,
                size_t count, struct wire_message *ret_message, const char **ret_why)
{
    size_t at = 0;
    *ret_why = "too many frames";
    if (count > WIRE_FRAMES_MAX)
        return LLMSPELL_EPROTO;
    while (at < count && !span_is(frames[at], WIRE_DELIMITER))
        at++;
    *ret_why = at == count ? "the delimiter is missing" : "frames are missing";
    if (count - at < 2 + PARTS)
        return LLMSPELL_EPROTO;
    const struct span *parts = frames + at + 2;
    *ret_why = "the signature is wrong";
    if (signer_check(signer, frames[at + 1], parts, PARTS) < 0)
        return LLMSPELL_EPERM;
    *ret_why = "the signature was seen before";
    if (replay && replay_check(replay, frames[at + 1]) < 0)
        return LLMSPELL_EPERM;
    ret_message->identities = frames;
    ret_message->identity_count = at;
    ret_message->header = parts[PART_HEADER];
    ret_message->parent = parts[PART_PARENT];
    ret_message->metadata = parts[PART_METADATA];
    ret_message->content = parts[PART_CONTENT];
    ret_message->buffers = parts + PARTS;
    ret_message->buffer_count = count - at - 2 - PARTS;
    return decode_parts(ret_message, ret_why);
}

/* ---- out ---- */

int wire_random_hex(char *ret_text, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[64];
    if (size > sizeof random || getrandom(random, size, 0) != (ssize_t)size)
        return LLMSPELL_EUNAVAILABLE;
    for (size_t i = 0; i < size; i++) {
        ret_text[2 * i] = hex[random[i] >> 4];
        ret_text[2 * i + 1] = hex[random[i] & 15];
    }
    ret_text[2 * size] = 0;
    return 0;
}

int wire_session_init(struct wire_session *session)
{
    char random[33];
    if (wire_random_hex(random, 16) < 0)
        return LLMSPELL_EUNAVAILABLE;
    random[12] = '4'; /* a UUID of version 4 and its variant */
    random[16] = "89ab"[random[16] & 3];
    char *out = session->id;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *out++ = '-';
        *out++ = random[i];
    }
    *out = 0;
    atomic_init(&session->count, 0);
    return 0;
}

static void put_digits(char *out, int digits, long value)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
}

/* "2026-11-22T16:46:12.123456Z". By hand: gmtime_r takes a lock of libc's. The days are counted in
 * years that begin in March (Howard Hinnant's civil_from_days). */
static void add_date(struct text *text)
{
    struct timespec now;
    char date[] = "0000-00-00T00:00:00.000000Z";
    clock_gettime(CLOCK_REALTIME, &now);
    long seconds = now.tv_sec % 86400;
    long days = now.tv_sec / 86400 + 719468;
    long era = days / 146097, day_of_era = days % 146097;
    long year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    long day = day_of_era - (365 * year + year / 4 - year / 100);
    long month = (5 * day + 2) / 153;
    put_digits(date, 4, year + era * 400 + (month >= 10));
    put_digits(date + 5, 2, month < 10 ? month + 3 : month - 9);
    put_digits(date + 8, 2, day - (153 * month + 2) / 5 + 1);
    put_digits(date + 11, 2, seconds / 3600);
    put_digits(date + 14, 2, seconds / 60 % 60);
    put_digits(date + 17, 2, seconds % 60);
    put_digits(date + 20, 6, now.tv_nsec / 1000);
    text_add(text, date, sizeof date - 1);
}

static const char header_start[] = "{\"msg_id\":\"";

static void add_header(struct text *text, struct wire_session *session, const char *msg_type)
{
    uint64_t number = atomic_fetch_add_explicit(&session->count, 1, memory_order_relaxed) + 1;
    text_add_literal(text, header_start);
    text_add(text, session->id, WIRE_ID_SIZE - 1);
    text_add_literal(text, "_");
    text_add_integer(text, (int64_t)number);
    text_add_literal(text, "\",\"username\":\"llmspell\",\"session\":\"");
    text_add(text, session->id, WIRE_ID_SIZE - 1);
    text_add_literal(text, "\",\"date\":\"");
    add_date(text);
    text_add_literal(text, "\",\"msg_type\":");
    text_add_string(text, msg_type, strlen(msg_type));
    text_add_literal(text, ",\"version\":\"" WIRE_VERSION "\"}");
}

void wire_message_id(const struct wire_outgoing *message, char ret_id[WIRE_NAME_MAX])
{
    const char *start = message->header.data + sizeof header_start - 1;
    const char *end = memchr(start, '"', message->header.size - (sizeof header_start - 1));
    size_t size = end ? (size_t)(end - start) : 0;
    memcpy(ret_id, start, size); /* a UUID and a counter: far below WIRE_NAME_MAX */
    ret_id[size] = 0;
}

void wire_outgoing_clear(struct wire_outgoing *message)
{
    text_clear(&message->header);
    text_clear(&message->metadata);
    text_clear(&message->content);
}

static void add_object(struct text *text, const json_t *object)
{
    if (object)
        text_add_json(text, object);
    else
        text_add_literal(text, "{}");
}

int wire_encode(struct wire_session *session, struct signer *signer, const char *msg_type,
                struct span parent, const json_t *content, struct wire_outgoing *ret_message)
{
    static const struct wire_extra nothing;
    return wire_encode_with(session, signer, msg_type, parent, content, &nothing, ret_message);
}

int wire_encode_with(struct wire_session *session, struct signer *signer, const char *msg_type,
                     struct span parent, const json_t *content, const struct wire_extra *extra,
                     struct wire_outgoing *ret_message)
{
    struct wire_outgoing *m = ret_message;
    text_init(&m->header, m->header_buffer, sizeof m->header_buffer);
    text_init(&m->metadata, m->metadata_buffer, sizeof m->metadata_buffer);
    text_init(&m->content, m->content_buffer, sizeof m->content_buffer);
    m->parent = parent.size ? parent : SPAN_LITERAL("{}");
    m->buffers = extra->buffers;
    m->buffer_count = extra->buffer_count;
    add_header(&m->header, session, msg_type);
    add_object(&m->metadata, extra->metadata);
    add_object(&m->content, content);
    int result = m->header.failed || m->metadata.failed || m->content.failed ? LLMSPELL_ENOMEM : 0;
    if (result == 0) {
        struct span parts[PARTS] = {{m->header.data, m->header.size},
                                    m->parent,
                                    {m->metadata.data, m->metadata.size},
                                    {m->content.data, m->content.size}};
        result = signer_sign(signer, parts, PARTS, m->signature, &m->signature_size);
    }
    if (result < 0)
        wire_outgoing_clear(m);
    return result;
}

static int send_frame(void *socket, const void *data, size_t size, int flags)
{
    while (zmq_send(socket, data, size, ZMQ_DONTWAIT | flags) < 0)
        if (errno != EINTR)
            return errno == EHOSTUNREACH ? LLMSPELL_EUNAVAILABLE : LLMSPELL_EIO;
    return 0;
}

static void free_data(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* A text on the heap is handed over as it is, so that a megabyte is not copied. */
static int send_text(void *socket, struct text *text, int flags)
{
    zmq_msg_t message;
    if (!text->heap)
        return send_frame(socket, text->data, text->size, flags);
    if (zmq_msg_init_data(&message, text->data, text->size, free_data, NULL) < 0)
        return LLMSPELL_ENOMEM;
    text->heap = 0; /* ZeroMQ frees it */
    while (zmq_msg_send(&message, socket, ZMQ_DONTWAIT | flags) < 0)
        if (errno != EINTR) {
            zmq_msg_close(&message);
            return LLMSPELL_EIO;
        }
    return 0;
}

int wire_send(void *socket, const struct span *prefix, size_t count, struct wire_outgoing *message)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = send_frame(socket, prefix[i].data, prefix[i].size, ZMQ_SNDMORE);
    struct span frames[] = {SPAN_LITERAL(WIRE_DELIMITER),
                            {message->signature, message->signature_size},
                            {message->header.data, message->header.size},
                            message->parent,
                            {message->metadata.data, message->metadata.size}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames && result == 0; i++)
        result = send_frame(socket, frames[i].data, frames[i].size, ZMQ_SNDMORE);
    uint32_t buffers = message->buffer_count;
    if (result == 0)
        result = send_text(socket, &message->content, buffers ? ZMQ_SNDMORE : 0);
    for (uint32_t i = 0; i < buffers && result == 0; i++)
        result = send_frame(socket, message->buffers[i].data, message->buffers[i].size,
                            i + 1 < buffers ? ZMQ_SNDMORE : 0);
    wire_outgoing_clear(message);
    return result;
}
