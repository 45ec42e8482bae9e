/* SPDX-License-Identifier: Apache-2.0
 * The text of a result while it grows. */
#include "diff.h"

static bool reserve(struct output *output, size_t more)
{
    if (output->error)
        return false;
    if (more > OUTPUT_MAX - output->size) {
        output->error = LLMSPELL_ELIMIT;
        return false;
    }
    if (output->size + more <= output->room)
        return true;
    size_t room = (output->size + more) * 2 + 256;
    char *grown = realloc(output->data, room);
    if (!grown) {
        output->error = LLMSPELL_ENOMEM;
        return false;
    }
    output->data = grown;
    output->room = room;
    return true;
}

void output_add(struct output *output, const char *data, size_t size)
{
    if (size == 0 || !reserve(output, size))
        return;
    memcpy(output->data + output->size, data, size);
    output->size += size;
}

void output_span(struct output *output, struct span span)
{
    output_add(output, span.data, span.size);
}

void output_text(struct output *output, const char *text)
{
    output_add(output, text, strlen(text));
}

void output_format(struct output *output, const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    output_text(output, text);
}

int32_t output_check(struct llmspell_call *call, const struct output *output)
{
    if (output->error == LLMSPELL_ELIMIT)
        return llmspell_fail(call, LLMSPELL_ELIMIT, "the result is larger than %u MiB",
                             OUTPUT_MAX >> 20);
    return output->error ? no_memory(call) : 0;
}

void output_clear(struct output *output)
{
    free(output->data);
}

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}
