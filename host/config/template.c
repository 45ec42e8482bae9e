/* SPDX-License-Identifier: Apache-2.0
 * The table of settings as a commented INI file: `config init` and conf/llmspell.ini. */
#include "config/settings.h"

#include <string.h>

#define WIDTH 96

static const char introduction[] =
    "# llmspell.ini: every setting of the host with its built-in value. To change one, remove the\n"
    "# ';' before it.\n"
    "#\n"
    "# Later layers win: built-in values, /etc/llmspell/llmspell.ini,\n"
    "# $LLMSPELL_HOME/llmspell.ini (~/.llmspell), the file of -c, the *.ini of the folder conf.d\n"
    "# beside each of these, the environment (LLMSPELL_LOG_LEVEL for [log] level), and\n"
    "# --set log.level=debug on the command line.\n"
    "#\n"
    "# A line holds up to 198 bytes; a line that is indented deeper than the key above continues "
    "its\n"
    "# value. A comment stands on a line of its own, or behind a value after a blank and ';'.\n"
    "# Relative paths start from the folder of the file in which they stand.\n"
    "#\n"
    "# Plugins have sections of their own, [tool.NAME], [protocol.NAME] and [runtime.NAME]:\n"
    "# `llmspell plugin info NAME` shows their keys.\n";

/* Writes text as comment lines, broken at blanks. */
static void write_comment(FILE *out, const char *text)
{
    while (*text) {
        size_t length = strlen(text);
        if (length > WIDTH) {
            length = WIDTH;
            while (length > 0 && text[length] != ' ')
                length--;
            if (length == 0)
                length = strcspn(text, " ");
        }
        fprintf(out, "# %.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
}

static void write_setting(FILE *out, const struct setting *row)
{
    char expected[SETTING_DESCRIPTION_MAX], facts[SETTING_DESCRIPTION_MAX + 128];
    setting_describe(row, expected);
    const char *fallback = !row->fallback ? "unset" : *row->fallback ? row->fallback : "empty";
    snprintf(facts, sizeof facts, "Accepts %s. Default: %s.%s", expected, fallback,
             row->reloadable ? " A reload applies changes." : "");
    fputc('\n', out);
    write_comment(out, row->help);
    write_comment(out, facts);
    const char *value = row->fallback ? row->fallback : "";
    fprintf(out, ";%s =%s%s\n", row->key, *value ? " " : "", value);
}

int config_write_template(FILE *out)
{
    const char *section = "";
    fputs(introduction, out);
    for (const struct setting *row = settings_table; row->section; row++) {
        if (strcmp(section, row->section) != 0) {
            section = row->section;
            fprintf(out, "\n[%s]\n", section);
        }
        write_setting(out, row);
    }
    return fflush(out) || ferror(out) ? LLMSPELL_EIO : 0;
}
