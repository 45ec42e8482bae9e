/* SPDX-License-Identifier: Apache-2.0
 * Pins the plugin ABI: sizes and offsets of every struct that crosses the boundary. Compiles to
 * nothing. */
#include <assert.h>
#include <stddef.h>

#include <llmspell/plugin.h>
#include <llmspell/schema.h>

/* ABI 1.0, pinned: a change here breaks every plugin that is out there. */
static_assert(sizeof(struct llmspell_host) == 48, "struct llmspell_host is ABI");
static_assert(sizeof(struct llmspell_call) == 24, "struct llmspell_call is ABI");
static_assert(sizeof(struct llmspell_tool) == 40, "struct llmspell_tool is ABI");
static_assert(sizeof(struct llmspell_runtime) == 64, "struct llmspell_runtime is ABI");
static_assert(sizeof(struct llmspell_protocol) == 80, "struct llmspell_protocol is ABI");
static_assert(offsetof(struct llmspell_tool, json_identity) == 8, "pinned");
static_assert(offsetof(struct llmspell_tool, open) == 16, "pinned");
static_assert(offsetof(struct llmspell_tool, invoke) == 24, "pinned");
static_assert(offsetof(struct llmspell_tool, close) == 32, "pinned");
static_assert(offsetof(struct llmspell_host, log) == 8, "pinned");
static_assert(offsetof(struct llmspell_host, fail) == 16, "pinned");
static_assert(offsetof(struct llmspell_host, cancelled) == 24, "pinned");
static_assert(offsetof(struct llmspell_host, progress) == 32, "pinned");
static_assert(offsetof(struct llmspell_host, extension) == 40, "pinned");
static_assert(offsetof(struct llmspell_call, host) == 8, "pinned");
static_assert(offsetof(struct llmspell_call, ctx) == 16, "pinned");

static_assert(sizeof(struct llmspell_message) == 56, "struct llmspell_message is ABI");
static_assert(sizeof(struct llmspell_request) == 96, "struct llmspell_request is ABI");
static_assert(sizeof(struct llmspell_kernel) == 64, "struct llmspell_kernel is ABI");
static_assert(sizeof(struct llmspell_executor) == 96, "struct llmspell_executor is ABI");
static_assert(sizeof(struct llmspell_client_request) == 56,
              "struct llmspell_client_request is ABI");
static_assert(sizeof(struct llmspell_fs) == 32, "struct llmspell_fs is ABI");
static_assert(sizeof(struct llmspell_schema) == 16, "struct llmspell_schema is ABI");
static_assert(offsetof(struct llmspell_schema, check) == 8, "pinned");
static_assert(sizeof(struct llmspell_listen) == 16, "struct llmspell_listen is ABI");
static_assert(offsetof(struct llmspell_listen, take) == 8, "pinned");

/* ABI 1.1: comms, subshells, functions that tools call back. */
static_assert(sizeof(struct llmspell_buffer) == 16, "struct llmspell_buffer is ABI");
static_assert(offsetof(struct llmspell_message, metadata) == 32, "pinned");
static_assert(offsetof(struct llmspell_message, buffers) == 40, "pinned");
static_assert(offsetof(struct llmspell_message, buffer_count) == 48, "pinned");
static_assert(offsetof(struct llmspell_request, done) == 64, "pinned");
static_assert(offsetof(struct llmspell_request, metadata) == 72, "pinned");
static_assert(offsetof(struct llmspell_request, buffers) == 80, "pinned");
static_assert(offsetof(struct llmspell_request, buffer_count) == 88, "pinned");
static_assert(offsetof(struct llmspell_kernel, handle) == 32, "pinned");
static_assert(offsetof(struct llmspell_kernel, receive) == 40, "pinned");
static_assert(offsetof(struct llmspell_kernel, answer) == 48, "pinned");
static_assert(offsetof(struct llmspell_kernel, publish) == 56, "pinned");
static_assert(offsetof(struct llmspell_executor, input) == 32, "pinned");
static_assert(offsetof(struct llmspell_executor, request_calling) == 40, "pinned");
static_assert(offsetof(struct llmspell_executor, emit_buffers) == 48, "pinned");
static_assert(offsetof(struct llmspell_executor, buffers) == 56, "pinned");
static_assert(offsetof(struct llmspell_executor, metadata) == 64, "pinned");
static_assert(offsetof(struct llmspell_executor, header) == 72, "pinned");
static_assert(offsetof(struct llmspell_executor, serve) == 80, "pinned");
static_assert(offsetof(struct llmspell_executor, wait) == 88, "pinned");
static_assert(offsetof(struct llmspell_runtime, status) == 48, "pinned");
static_assert(offsetof(struct llmspell_runtime, attend) == 56, "pinned");

/* ABI 1.3: the folder that a tool keeps its own files in. */
static_assert(offsetof(struct llmspell_fs, open_parent) == 16, "pinned");
static_assert(offsetof(struct llmspell_fs, state_folder) == 24, "pinned");
