/* SPDX-License-Identifier: Apache-2.0
 * Folding by letters: a byte of UTF-8 that continues one does not count. */
#include "cli/page.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

#define WIDTH 92
#define WIDTH_MIN 60
#define WIDTH_MAX 100

struct page page_of(const struct cli *cli)
{
    struct winsize size;
    struct page page = {.color = cli->color, .width = WIDTH};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        page.width = size.ws_col < WIDTH_MIN   ? WIDTH_MIN
                     : size.ws_col > WIDTH_MAX ? WIDTH_MAX
                                               : size.ws_col;
    return page;
}

static int letters(const char *text, size_t size)
{
    int count = 0;
    for (size_t i = 0; i < size; i++)
        count += (text[i] & 0xC0) != 0x80;
    return count;
}

/* The words of text from column on; those that do not fit go to lines that begin at indent. */
static void fold(const struct page *page, int indent, int column, const char *text)
{
    bool first = true;
    for (; text && *text; first = false) {
        text += strspn(text, " \n");
        size_t size = strcspn(text, " \n");
        int length = letters(text, size);
        if (size == 0)
            break;
        if (column > indent && column + !first + length > page->width) {
            printf("\n%*s", indent, "");
            column = indent;
            first = true;
        }
        printf("%s%.*s", first ? "" : " ", (int)size, text);
        column += !first + length;
        text += size;
    }
    fputc('\n', stdout);
}

void page_heading(const struct page *page, const char *text)
{
    printf("\n%s%s%s\n", page->color ? "\033[1m" : "", text, page->color ? "\033[0m" : "");
}

void page_text(const struct page *page, int indent, const char *text)
{
    if (!text || !*text)
        return;
    printf("%*s", indent, "");
    fold(page, indent, indent, text);
}

void page_term(const struct page *page, int indent, int hang, const char *text, size_t bold)
{
    if (!text)
        return;
    printf("%*s%s%.*s%s", indent, "", page->color ? "\033[1m" : "", (int)bold, text,
           page->color ? "\033[0m" : "");
    text += bold;
    size_t blanks = strspn(text, " ");
    printf("%.*s", (int)blanks, text);
    fold(page, hang, indent + letters(text - bold, bold + blanks), text + blanks);
}
