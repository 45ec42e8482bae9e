/* SPDX-License-Identifier: Apache-2.0
 * render: an SVG picture by graphviz's dot, in the result or in a file. */
#include "graph.h"

#include <sys/wait.h>

#include "../shared/program.h"
#include "../shared/save_file.h"

#define PROGRAM "/usr/bin/dot"
#define SVG_MAX (50u << 20)

static int32_t draw(struct job *job, struct byte_buffer *svg)
{
    static char *const argv[] = {"dot", "-Tsvg", NULL};
    CLEANUP_BUFFER struct byte_buffer text = {0};
    int status = 0;
    int32_t rc = check_xml_texts(job, "SVG");
    if (rc == 0)
        rc = write_dot(job, &text);
    if (rc < 0)
        return rc;
    if (text.failed)
        return job_no_memory(job);
    job->call->host->progress(job->call, 0, 0, "drawing");
    const struct program program = {.path = PROGRAM,
                                    .package = "graphviz",
                                    .argv = argv,
                                    .text = text.data,
                                    .size = text.size,
                                    .max = SVG_MAX};
    rc = program_run(job->call, &program, svg, &status);
    if (rc < 0)
        return rc;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || svg->size == 0)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/graph",
                                "dot could not draw the graph of %u nodes and %u edges (%s %d); "
                                "draw a part of it",
                                job->graph.node_count, job->graph.edge_count,
                                WIFSIGNALED(status) ? "signal" : "exit status",
                                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}

int32_t render_run(struct job *job, json_t **ret_result)
{
    CLEANUP_BUFFER struct byte_buffer svg = {0};
    const char *path = llmspell_string(job->params, "target_path");
    bool overwrite = llmspell_bool(job->params, "overwrite", 0);
    int32_t rc = path ? save_file_check(job->call, path, overwrite) : 0;
    if (rc == 0)
        rc = draw(job, &svg);
    if (rc == 0 && path)
        rc = save_file(job->call, path, overwrite, svg.data, svg.size);
    if (rc < 0)
        return rc;
    json_t *value = path ? json_string(path) : json_stringn(svg.data, svg.size);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:o,s:I}", "format", "svg", path ? "path" : "data",
                                     value, "bytes", (json_int_t)svg.size));
}
