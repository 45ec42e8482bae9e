/* SPDX-License-Identifier: Apache-2.0
 * Events of the kernel for who debugs: those of the debuggee, and what is printed. */
#include <string.h>

#include "dap.h"

static void send_output(struct session *session, const char *category, json_t *text)
{
    session_event(session, "output", json_pack("{s:s, s:o}", "category", category, "output", text));
}

static void debuggee_event(struct session *session, const json_t *content)
{
    const char *event = llmspell_string(content, "event");
    const json_t *body = json_object_get(content, "body");
    if (!event)
        return;
    if (session->link)
        session_event(session, event, body ? json_deep_copy(body) : NULL);
    else
        jupyter_event(session, event, body);
}

/* What it writes itself comes as a debug_event, with its place in the source. */
static void stream_event(struct session *session, const struct item *item)
{
    json_t *text = json_object_get(item->content, "text");
    bool error = llmspell_is(item->content, "name", "stderr");
    if (json_is_string(text) && !llmspell_bool(item->metadata, "debug", 0))
        send_output(session, error ? "stderr" : "stdout", json_incref(text));
}

static void error_event(struct session *session, const json_t *content)
{
    json_t *text = json_string(""), *lines = json_object_get(content, "traceback"), *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        json_t *joined = json_sprintf("%s%s\n", json_string_value(text), json_string_value(line));
        json_decref(text);
        text = joined;
    }
    if (json_array_size(lines) == 0) {
        json_decref(text);
        text = json_sprintf("%s: %s\n", llmspell_string(content, "ename"),
                            llmspell_string(content, "evalue"));
    }
    send_output(session, "stderr", text);
}

static void display_event(struct session *session, const json_t *content)
{
    const char *text = llmspell_string(json_object_get(content, "data"), "text/plain");
    if (text)
        send_output(session, "stdout", json_sprintf("%s\n", text));
}

void output_event(struct session *session, const struct item *item)
{
    const char *type = item->msg_type;
    if (strcmp(type, "debug_event") == 0)
        debuggee_event(session, item->content);
    else if (!session->link)
        return;
    else if (strcmp(type, "stream") == 0)
        stream_event(session, item);
    else if (strcmp(type, "display_data") == 0)
        display_event(session, item->content);
    else if (strcmp(type, "error") == 0 && !session->ends)
        error_event(session, item->content);
}

void output_dropped(struct session *session, uint64_t count)
{
    if (session->link)
        send_output(session, "important",
                    json_sprintf("[%llu pieces of output were dropped, since this client did not "
                                 "read them in time]\n",
                                 (unsigned long long)count));
}
