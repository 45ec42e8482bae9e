/* SPDX-License-Identifier: Apache-2.0
 * `plugin bench FILE`: what one call of a tool costs, all that the host does around it included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/plugin_file.h"
#include "tool/invoke.h"

#define WARM_UP_CALLS 100
#define SAMPLES_MAX (1 << 20) /* durations that are kept for the quantiles: the first ones */
#define NS_PER_S 1000000000LL

struct bench {
    struct registry *registry;
    const char *name, *mode;
    const json_t *params;
    int64_t *samples; /* ns */
    size_t sample_count;
    long long calls;
    int64_t elapsed_ns;
    long long memory_before, memory_after; /* resident bytes */
};

static long long resident_bytes(void)
{
    long long total, resident = 0;
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%lld %lld", &total, &resident) != 2)
        return 0;
    return resident * sysconf(_SC_PAGESIZE);
}

static int call_once(const struct bench *bench, struct error *ret_error)
{
    struct invoke_options options = {0};
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int rc = tool_invoke(bench->registry, bench->name, bench->params, &options, &reply);
    if (rc >= 0)
        return 0;
    const json_t *error = json_object_get(reply, "error");
    const char *message = llmspell_string(error, "message");
    return error_set(ret_error, rc, "%s: %s (--params gives it others)", llmspell_error_name(rc),
                     message ? message : "");
}

static int measure(struct bench *bench, int64_t limit_ns, struct error *ret_error)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < WARM_UP_CALLS; i++)
        rc = call_once(bench, ret_error);
    bench->memory_before = resident_bytes();
    int64_t start = clock_monotonic_ns(), now = start;
    while (rc == 0 && now - start < limit_ns) {
        rc = call_once(bench, ret_error);
        int64_t end = clock_monotonic_ns();
        if (bench->sample_count < SAMPLES_MAX)
            bench->samples[bench->sample_count++] = end - now;
        now = end;
        bench->calls++;
    }
    bench->elapsed_ns = now - start;
    bench->memory_after = resident_bytes();
    return rc;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_us(const struct bench *bench, double part)
{
    size_t at = (size_t)(part * (double)(bench->sample_count - 1));
    return (double)bench->samples[at] / 1000.0;
}

static void report(const struct cli *cli, struct bench *bench)
{
    qsort(bench->samples, bench->sample_count, sizeof *bench->samples, by_size);
    double rate = (double)bench->calls * (double)NS_PER_S / (double)bench->elapsed_ns;
    double growth = (double)(bench->memory_after - bench->memory_before) * 10000.0 /
                    (double)bench->calls / 1024.0;
    double p50 = quantile_us(bench, 0.5), p99 = quantile_us(bench, 0.99);
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = json_pack(
            "{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "status", "ok", "name", bench->name, "mode",
            bench->mode, "calls", (json_int_t)bench->calls, "calls_per_second", rate, "p50_us", p50,
            "p99_us", p99, "growth_kib_per_10000_calls", growth);
        cli_print_json(cli, document);
        return;
    }
    printf("mode              %s\ncalls             %lld\ncalls per second  %.0f\n"
           "p50               %.2f µs\np99               %.2f µs\n"
           "memory growth     %.1f KiB per 10,000 calls\n",
           bench->mode, bench->calls, rate, p50, p99, growth);
}

/* --params, or what the first example of the manifest has. */
static int read_params(const struct args *args, const struct plugin *plugin, const json_t *manifest,
                       json_t **ret_params, struct error *ret_error)
{
    json_error_t where;
    const char *text = args_value(args, "params");
    if (!text) {
        const json_t *example = json_array_get(json_object_get(manifest, "examples"), 0);
        *ret_params = json_incref(json_object_get(example, "params"));
        if (json_object_get(example, "setup"))
            return error_set(ret_error, LLMSPELL_EINVAL,
                             "the first example of %s needs files: give parameters with --params",
                             plugin->head.name);
        return 0;
    }
    *ret_params = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (*ret_params)
        return 0;
    return error_set(ret_error, LLMSPELL_EINVAL, "--params is not JSON: column %d: %s",
                     where.column, where.text);
}

static int run_bench(struct cli *cli, const struct args *args, const struct config *config,
                     int64_t limit_ns, struct error *ret_error)
{
    struct catalog *catalog = NULL;
    struct plugin *plugin;
    const json_t *manifest;
    LLMSPELL_CLEANUP_JSON json_t *params = NULL;
    LLMSPELL_CLEANUP_FREE char *workdir = getcwd(NULL, 0);
    const char *mode = args_value(args, "isolation");
    struct bench bench = {.mode = mode ? mode : "inline",
                          .samples = malloc(SAMPLES_MAX * sizeof *bench.samples)};
    int rc = bench.samples ? plugin_file_open(config, args->values[0], &catalog, &plugin, ret_error)
                           : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (rc == 0)
        rc = plugin_manifest(plugin, &manifest, ret_error);
    if (rc == 0 && plugin->head.kind != PLUGIN_TOOL)
        rc = error_set(ret_error, LLMSPELL_EINVAL, "%s is a %s: only tools are measured",
                       plugin->path, plugin_kind_name(plugin->head.kind));
    if (rc == 0)
        rc = read_params(args, plugin, manifest, &params, ret_error);
    struct registry_options options = {.catalog = catalog,
                                       .config = config,
                                       .workdir = workdir ? workdir : "/",
                                       .isolation = bench.mode};
    if (rc == 0)
        rc = registry_new(&options, &bench.registry, ret_error);
    if (rc == 0) {
        bench.name = plugin->head.name;
        bench.params = params;
        memset(bench.samples, 0, SAMPLES_MAX * sizeof *bench.samples); /* not part of the growth */
        rc = measure(&bench, limit_ns, ret_error);
    }
    if (rc == 0)
        report(cli, &bench);
    if (bench.registry)
        registry_unref(bench.registry);
    catalog_unref(catalog);
    free(bench.samples);
    return rc;
}

static int run(struct cli *cli, const struct args *args)
{
    extern const struct command cmd_plugin_bench;
    struct error error;
    const struct config *config;
    long long seconds;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    if (args_number(args, "seconds", 1, 3600, 3, &seconds) != 0)
        return EXIT_USAGE;
    const char *mode = args_value(args, "isolation");
    if (mode && strcmp(mode, "inline") != 0 && strcmp(mode, "process") != 0)
        return cli_usage(&cmd_plugin_bench, "--isolation wants inline or process, not \"%s\"",
                         mode);
    return run_bench(cli, args, config, seconds * NS_PER_S, &error) < 0 ? cli_fail(cli, &error)
                                                                        : EXIT_OK;
}

static const struct cli_option OPTIONS[] = {
    {"params", 'p', "JSON", "parameters of the call (those of the first example)", false},
    {"isolation", 0, "inline|process", "where it runs (inline)", false},
    {"seconds", 0, "N", "how long to measure (3)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_plugin_bench = {
    .name = "plugin bench",
    .arguments = "FILE",
    .summary = "measure a call of a tool: rate, latency, growth of memory",
    .help = "One call after the other, with all that a host does: parameters, policy, schema;\n"
            "inline, or in a runner process. Runs the plugin's code.",
    .options = OPTIONS,
    .min_values = 1,
    .max_values = 1,
    .run = run,
};
