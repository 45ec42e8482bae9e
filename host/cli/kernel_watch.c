/* SPDX-License-Identifier: Apache-2.0
 * On a terminal the screen is drawn anew; else each look appends a line. */
#include "cli/kernel_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/interrupted.h"
#include "cli/kernels.h"
#include "util/json_text.h"

static void print_time(char buffer[32], const char *format, bool utc)
{
    time_t now = time(NULL);
    struct tm parts;
    utc ? gmtime_r(&now, &parts) : localtime_r(&now, &parts);
    strftime(buffer, 32, format, &parts);
}

static void print_line(const struct cli *cli, const struct kernel_health *health)
{
    char at[32];
    print_time(at, "%Y-%m-%dT%H:%M:%SZ", true);
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = kernel_health_json(health);
        json_object_set_new(document, "time", json_string(at));
        json_text_write(stdout, document, 0);
    } else {
        printf("%s %s ", at, health->id);
        kernel_health_print(cli, health);
    }
    putchar('\n');
}

static void print_screen(const struct cli *cli, const struct kernel_watch *watch,
                         const struct kernel_health *health)
{
    char at[32];
    print_time(at, "%H:%M:%S", false);
    fputs("\033[H\033[J", stdout);
    if (!cli->quiet)
        printf("kernel %s, every %d s; Ctrl-C ends%*s%s\n\n", health->id, watch->interval_s, 4, "",
               at);
    watch->print(cli, health);
}

/* A look that failed is shown as well: the kernel may come back. */
static void look(struct cli *cli, const struct kernel_watch *watch, const char *name, int flags,
                 struct kernel_health *health)
{
    struct error error;
    if (kernel_health_check(cli, name, flags, watch->timeout_ms, health, &error) == 0)
        return;
    bool ended = error.code == LLMSPELL_ENOTFOUND;
    health->state = ended ? HEALTH_ENDED : HEALTH_NOT_RESPONDING;
    snprintf(health->detail, sizeof health->detail, "%.600s",
             ended ? "it has ended; waiting for the next start" : error.message);
}

/* Sleeps; -1 if meanwhile nobody reads stdout any more. */
static int pause_between(int interval_s)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, interval_s * 1000) > 0 && (out.revents & (POLLERR | POLLHUP)) ? -1 : 0;
}

static void watch_on(struct cli *cli, const struct kernel_watch *watch, bool screen,
                     struct kernel_health *health)
{
    char id[sizeof health->id];
    memcpy(id, health->id, sizeof id);
    bool known = health->ours;
    for (;;) {
        if (screen)
            print_screen(cli, watch, health);
        else
            print_line(cli, health);
        if (fflush(stdout) != 0 || pause_between(watch->interval_s) < 0)
            return;
        look(cli, watch, known ? id : watch->name, KERNELS_DEAD | (known ? KERNELS_EXACT : 0),
             health);
        memcpy(health->id, id, sizeof id);
    }
}

int kernel_watch(struct cli *cli, const struct kernel_watch *watch)
{
    struct error error;
    struct kernel_health health = {0};
    const char *term = getenv("TERM");
    bool screen = !cli->json && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    int rc =
        kernel_health_check(cli, watch->name, KERNELS_DEAD, watch->timeout_ms, &health, &error);
    if (rc < 0)
        return cli_fail(cli, &error);
    if (screen) {
        interrupted_ends_screen();
        interrupted_show_screen();
    } else {
        interrupted_ends();
    }
    watch_on(cli, watch, screen, &health);
    kernel_health_clear(&health);
    if (screen)
        interrupted_hide_screen();
    return EXIT_FAILED;
}
