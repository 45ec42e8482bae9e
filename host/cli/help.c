/* SPDX-License-Identifier: Apache-2.0
 * Help, made from the tables of the commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "util/near.h"

static const char *bold(const struct cli *cli)
{
    return cli->color ? "\033[1m" : "";
}

static const char *plain(const struct cli *cli)
{
    return cli->color ? "\033[0m" : "";
}

/* text, then blanks up to width; UTF-8 letters count once. */
static void print_padded(const char *text, int width)
{
    int letters = 0;
    for (const char *at = text; *at; at++)
        letters += (*at & 0xC0) != 0x80;
    printf("  %s%*s ", text, letters < width ? width - letters : 0, "");
}

static void print_options(const struct cli_option *table)
{
    for (; table && table->name; table++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", table->letter ? "-" : "",
                 table->letter ? table->letter : ' ', table->letter ? ", " : "   ", table->name,
                 table->argument ? " " : "", table->argument ? table->argument : "");
        print_padded(left, 32);
        printf("%s%s\n", table->help, table->repeatable ? " (may be repeated)" : "");
    }
}

void help_print_overview(const struct cli *cli)
{
    printf("%sllmspell%s: a kernel host for scripts that call tools\n\n", bold(cli), plain(cli));
    printf("Usage: llmspell [OPTIONS] COMMAND [ARGUMENTS]\n\n%sCommands%s\n", bold(cli),
           plain(cli));
    for (size_t i = 0; commands[i]; i++) {
        char left[96];
        snprintf(left, sizeof left, "%s %s", commands[i]->name, commands[i]->arguments);
        print_padded(left, 38);
        printf("%s\n", commands[i]->summary);
    }
    printf("\n%sOptions%s (before or behind the command)\n", bold(cli), plain(cli));
    print_options(global_options);
    printf(
        "\n`llmspell help COMMAND` tells more. Exit status: 0 done, 1 it failed, 2 wrong usage,\n"
        "3 no such tool, kernel or file, 4 no connection, 5 timed out, 130 interrupted.\n");
}

void help_print_command(const struct cli *cli, const struct command *command)
{
    printf("%sllmspell %s%s: %s\n\nUsage: llmspell %s %s%s\n", bold(cli), command->name, plain(cli),
           command->summary, command->name, command->options ? "[OPTIONS] " : "",
           command->arguments);
    if (command->help)
        printf("\n%s\n", command->help);
    if (command->options) {
        printf("\n%sOptions%s\n", bold(cli), plain(cli));
        print_options(command->options);
    }
    printf("\n%sOptions of every command%s\n", bold(cli), plain(cli));
    print_options(global_options);
}

/* The command whose words begin `words`: the longest one; *ret_used of the words are its name. */
const struct command *command_find(char **words, int count, int *ret_used)
{
    const struct command *best = NULL;
    *ret_used = 0;
    for (size_t i = 0; commands[i]; i++) {
        const char *at = commands[i]->name;
        int used = 0;
        while (*at && used < count) {
            size_t n = strcspn(at, " ");
            if (strlen(words[used]) != n || strncmp(words[used], at, n) != 0)
                break;
            used++;
            at += n + (at[n] == ' ');
        }
        if (!*at && used > *ret_used) {
            best = commands[i];
            *ret_used = used;
        }
    }
    return best;
}

/* Offers each command to near: those of one word, or those of two. Words of the first kind are also
 * the first words of the second ("tool"). */
static void offer_commands(struct near *nearest, bool two, char first[32])
{
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        char group[32];
        snprintf(group, sizeof group, "%.*s", (int)strcspn(name, " "), name);
        const char *before = nearest->best;
        near_offer(nearest, two ? name : group);
        if (!two && nearest->best != before) {
            memcpy(first, group, sizeof group);
            nearest->best = first;
        }
    }
}

int command_unknown(char **words, int count)
{
    char two[128], first[32];
    struct near one_word = {.word = words[0]}, two_words = {.word = two};
    snprintf(two, sizeof two, "%s %s", words[0], count > 1 ? words[1] : "");
    offer_commands(&one_word, false, first);
    if (count > 1)
        offer_commands(&two_words, true, NULL);
    bool group = one_word.best && one_word.distance == 0;
    if (group && count == 1)
        return cli_usage(NULL, "\"%s\" wants a second word", words[0]);
    const char *name = group || two_words.best ? two : words[0];
    const char *best = two_words.best || group ? two_words.best : one_word.best;
    if (best)
        return cli_usage(NULL, "no command is called \"%s\" (did you mean \"%s\"?)", name, best);
    return cli_usage(NULL, "no command is called \"%s\"", name);
}

static int run(struct cli *cli, const struct args *args)
{
    int used;
    if (args->count == 0) {
        help_print_overview(cli);
        return EXIT_OK;
    }
    const struct command *command = command_find((char **)args->values, args->count, &used);
    if (command && used == args->count) {
        help_print_command(cli, command);
        return EXIT_OK;
    }
    size_t n = strlen(args->values[0]), shown = 0;
    for (size_t i = 0; commands[i] && args->count == 1; i++) {
        if (strncmp(commands[i]->name, args->values[0], n) != 0 || commands[i]->name[n] != ' ')
            continue;
        printf("llmspell %s %s\n    %s\n", commands[i]->name, commands[i]->arguments,
               commands[i]->summary);
        shown++;
    }
    return shown ? EXIT_OK : command_unknown((char **)args->values, args->count);
}

const struct command cmd_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "show help",
    .max_values = 3,
    .run = run,
};
