/* SPDX-License-Identifier: Apache-2.0
 * Help, made from the tables of the commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char *bold(const struct cli *cli)
{
    return cli->color ? "\033[1m" : "";
}

static const char *plain(const struct cli *cli)
{
    return cli->color ? "\033[0m" : "";
}

/* Every option with an id of its own gets a line; columns are aligned at 28. */
static void print_options(const struct cli_option *table)
{
    for (; table && table->name; table++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", table->letter ? "-" : "",
                 table->letter ? table->letter : ' ', table->letter ? ", " : "   ", table->name,
                 table->argument ? " " : "", table->argument ? table->argument : "");
        printf("  %-32s %s%s\n", left[0] == ' ' && left[1] == ' ' ? left : left, table->help,
               table->repeatable ? " (may be repeated)" : "");
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
        printf("  %-38s %s\n", left, commands[i]->summary);
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
    return shown ? EXIT_OK
                 : cli_usage(NULL, "no command is called \"%s\"", args->values[args->count - 1]);
}

const struct command cmd_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "show help",
    .max_values = 3,
    .run = run,
};
