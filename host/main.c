/* SPDX-License-Identifier: Apache-2.0
 * llmspell: finds the command, reads its options, runs it. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/version.h>

#include "cli/cli.h"
#include "tool/frame.h"
#include "tool/runner.h"

static const struct cli_option *find_letter(char letter)
{
    const struct cli_option *option = global_options;
    while (option->name && option->letter != letter)
        option++;
    return option->name ? option : NULL;
}

/* True if the value of option text is the next word: --output json, -o json, -qo json. */
static bool wants_next(const char *text)
{
    const struct cli_option *option = global_options;
    if (strncmp(text, "--", 2) == 0) {
        size_t n = strlen(text + 2); /* the name may be shortened */
        while (option->name && !(option->argument && strncmp(option->name, text + 2, n) == 0))
            option++;
        return option->name != NULL;
    }
    while (*++text)
        if ((option = find_letter(*text)) && option->argument)
            return text[1] == '\0';
    return false;
}

/* Where the command's words begin: behind the global options. */
static int skip_options(int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        i += wants_next(argv[i]);
    }
    return i < argc ? i : argc;
}

static void on_write_signal(int number)
{
    (void)number;
}

/* Writing to a pipe that nobody reads, or beyond a file size limit, is an error, not a death. A
 * handler, since what is ignored would stay ignored in the programs that scripts start. */
static void survive_write_signals(void)
{
    struct sigaction action = {.sa_handler = on_write_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

static int set_up(struct cli *cli, const struct args *args)
{
    const char *output = args_value(args, "output");
    cli->args = args;
    cli->interrupt_fd = -1;
    cli->json = output && strcmp(output, "json") == 0;
    cli->quiet = args_has(args, "quiet");
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    cli->color = isatty(STDOUT_FILENO) && !args_has(args, "no-color") && !(no_color && *no_color) &&
                 term && strcmp(term, "dumb") != 0;
    cli->kernel_name = args_value(args, "kernel");
    cli->program = realpath("/proc/self/exe", NULL);
    if (output && !cli->json && strcmp(output, "text") != 0)
        return cli_usage(NULL, "--output wants text or json, not \"%s\"", output);
    return cli->program ? 0 : cli_usage(NULL, "/proc is not mounted");
}

/* given: the whole command line without the program. */
static int run_command(const struct command *command, int argc, char **argv, char **given)
{
    struct args args;
    struct cli cli = {.interrupt_fd = -1, .arguments = (const char *const *)given};
    if (args_parse(&args, argc, argv, command->options, global_options, command->rest,
                   command->name) < 0)
        return EXIT_USAGE;
    int status = set_up(&cli, &args);
    if (status == 0 && args_has(&args, "help"))
        help_print_command(&cli, command);
    else if (status == 0 && args.count < command->min_values)
        status = cli_usage(command, "%s wants %s", command->name, command->arguments);
    else if (status == 0 && command->max_values >= 0 && args.count > command->max_values)
        status = cli_usage(command, "%s does not take \"%s\"", command->name,
                           args.values[command->max_values]);
    else if (status == 0)
        status = command->run(&cli, &args);
    if (fflush(stdout) != 0 && status == 0)
        status = EXIT_FAILED;
    cli_clear(&cli);
    args_clear(&args);
    return status;
}

/* argv without the words of the command: its options before and behind it. */
static char **without_words(int argc, char **argv, int at, int used)
{
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    int n = 0;
    for (int i = 1; rest && i < argc; i++)
        if (i < at || i >= at + used)
            rest[n++] = argv[i];
    return rest;
}

/* Options without a command: only good ones lead to the overview. */
static bool args_are_bad(int argc, char **argv)
{
    static const struct cli_option version[] = {{"version", 'V', NULL, "", false},
                                                {NULL, 0, NULL, NULL, false}};
    struct args args;
    bool bad = args_parse(&args, argc - 1, argv + 1, version, global_options, false, "") < 0;
    if (!bad)
        args_clear(&args);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], RUNNER_ARGUMENT) == 0)
        return runner_main();
    setlocale(LC_CTYPE, ""); /* widths in tables; numbers stay as in C */
    survive_write_signals();
    int at = skip_options(argc, argv), used;
    const struct command *command = command_find(argv + at, argc - at, &used);
    if (!command && at < argc)
        return command_unknown(argv + at, argc - at);
    if (!command && argc > 1 && args_are_bad(argc, argv))
        return EXIT_USAGE;
    if (!command) {
        bool version =
            argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0);
        struct args none = {0};
        struct cli cli = {.args = &none, .color = isatty(STDOUT_FILENO), .interrupt_fd = -1};
        if (version)
            printf("llmspell %s\n", LLMSPELL_VERSION);
        else
            help_print_overview(&cli);
        return EXIT_OK;
    }
    char **rest = without_words(argc, argv, at, used);
    int status = rest ? run_command(command, argc - 1 - used, rest, argv + 1) : EXIT_FAILED;
    free(rest);
    return status;
}
