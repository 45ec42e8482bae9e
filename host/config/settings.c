/* SPDX-License-Identifier: Apache-2.0
 * The one table of the host's settings. `config show`, `config init`, conf/llmspell.ini, the checks
 * and the environment variables all come from it; plugins describe theirs in their manifests. */
#include "config/settings.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define GIB (INT64_C(1) << 30)

/* For lists, choices is the separator (NULL = ':') and min the lowest number of items. */
const struct setting settings_table[] = {
    {"kernel", "id", SETTING_STRING, NULL, NULL, 0, 0, false,
     "Name of the kernel: names its connection file, PID file and log. Unset: a new one is made at "
     "each start."},
    {"kernel", "protocol", SETTING_LIST, "jupyter,dap", ",", 1, 0, false,
     "Protocol plugins that serve clients, separated by commas."},
    {"kernel", "runtime", SETTING_STRING, "lua", NULL, 0, 0, false,
     "Runtime plugin that executes code."},
    {"kernel", "workdir", SETTING_PATH, NULL, NULL, 0, 0, false,
     "Folder in which scripts and tools run. Unset: where the kernel was started."},
    {"kernel", "connection_file", SETTING_PATH, NULL, NULL, 0, 0, false,
     "Where to write the connection file. Unset: $LLMSPELL_HOME/kernels/<id>.json."},
    {"kernel", "idle_timeout", SETTING_DURATION, "0", NULL, 0, 365 * DAY, true,
     "The kernel ends after this time without a client's request. 0 = never."},
    {"kernel", "shutdown_grace", SETTING_DURATION, "5s", NULL, 0, HOUR, true,
     "How long a shutdown waits for running operations before it interrupts them."},
    {"kernel", "interrupt_grace", SETTING_DURATION, "1s", NULL, 0, HOUR, true,
     "How long operations that a shutdown has interrupted may take to end before they are "
     "abandoned."},
    {"kernel", "tool_threads", SETTING_INTEGER, "4", NULL, 1, 64, false,
     "Threads that run tool calls from outside while a script runs."},
    {"kernel", "history", SETTING_BOOL, "true", NULL, 0, 0, false,
     "Keep executed inputs and their values in $LLMSPELL_HOME/history, for the next sessions, too. "
     "false: only in memory, while the kernel runs."},
    {"kernel", "history_max", SETTING_INTEGER, "10000", NULL, 0, 1000000, false,
     "Inputs that are kept in the history's file; it may grow to twice as many in between. In "
     "memory "
     "are at most 1000 of them. 0 = the kernel remembers nothing."},
    {"log", "level", SETTING_CHOICE, "info", "off|error|warn|info|debug|trace", 0, 0, true,
     "How much is written."},
    {"log", "format", SETTING_CHOICE, "compact", "compact|pretty|json", 0, 0, true,
     "Form of a record: one plain line, one coloured line (on a terminal), or one JSON object a "
     "line."},
    {"log", "sink", SETTING_LIST, "", ",", 0, 0, true,
     "Where records go: file, stderr, syslog, journal, or several, separated by commas. Empty: the "
     "log file if there is one, else stderr."},
    {"log", "file", SETTING_PATH, NULL, NULL, 0, 0, true,
     "Log file. Unset: $LLMSPELL_HOME/logs/<id>.log for a daemon, stderr otherwise."},
    {"log", "rotate_size", SETTING_SIZE, "10M", NULL, 0, 1024 * GIB, true,
     "The log file is renamed to FILE.1 before it grows larger than this. 0 = never."},
    {"log", "rotate_count", SETTING_INTEGER, "5", NULL, 0, 100, true,
     "Renamed log files to keep. 0 = the log file is emptied instead."},
    {"log", "rotate_age", SETTING_DURATION, "0", NULL, 0, 3650 * DAY, true,
     "The log file is also renamed when its first record is older than this. 0 = never."},
    {"log", "rotate_max_age", SETTING_DURATION, "0", NULL, 0, 3650 * DAY, true,
     "Renamed log files older than this are removed. 0 = never."},
    {"log", "compress", SETTING_BOOL, "false", NULL, 0, 0, true,
     "Renamed log files become FILE.1.gz and so on, in the background."},
    {"plugins", "path", SETTING_LIST, "", NULL, 0, 0, true,
     "Further folders with plugins, separated by ':', searched before the usual ones."},
    {"plugins", "allow_writable", SETTING_BOOL, "false", NULL, 0, 0, true,
     "Accept plugin files and folders that the group or everybody may write to."},
    {"policy", "fs_roots", SETTING_LIST, "${workdir}:${tmpdir}", NULL, 0, 0, true,
     "Folders that the file access of tools for ${workdir} and ${tmpdir} reaches, separated by "
     "':'. Empty: none."},
    {"policy", "tools_deny", SETTING_LIST, "", ",", 0, 0, true,
     "Tools that may not be called, separated by commas."},
    {"policy", "http_hosts", SETTING_LIST, "*", ",", 0, 0, true,
     "Hosts that tools may send HTTP requests to: NAME, *.NAME, * or an address, with :PORT or "
     "without, separated by commas. Empty: none."},
    {"policy", "http_ports", SETTING_LIST, "", ",", 0, 0, true,
     "Ports of these requests: numbers and ranges such as 8000-8999, separated by commas. Empty: "
     "all."},
    {"policy", "http_private", SETTING_LIST, "", ",", 0, 0, true,
     "Hosts (as above) and nets such as 10.0.0.0/8 that these requests may reach although their "
     "addresses are private, loopback or otherwise not public."},
    {"policy", "http_ca_file", SETTING_PATH, NULL, NULL, 0, 0, true,
     "PEM file with the certificate authorities that these requests trust. Unset: the system's."},
    {"policy", "http_insecure", SETTING_BOOL, "false", NULL, 0, 0, true,
     "Let tools ask for HTTPS connections whose peer is not verified."},
    {"tools", "timeout", SETTING_DURATION, "0", NULL, 0, 7 * DAY, true,
     "Upper bound for the time of a tool call. 0 = what the tool's manifest says."},
    {"tools", "isolation", SETTING_CHOICE, "auto", "auto|inline|process", 0, 0, true,
     "Where tools run: in the kernel's process (inline), each in a sandboxed process of its own, "
     "or "
     "(auto) as the manifest of a bundled tool says, and in a process if it is somebody else's."},
    {"tools", "warm_processes", SETTING_INTEGER, "8", NULL, 0, 256, true,
     "Processes of tools that are kept for the next call, over all tools."},
    {"tools", "crash_limit", SETTING_INTEGER, "3", NULL, 0, 16, true,
     "Crashes of a tool's process within a minute before the tool is set aside for a minute. 0 = "
     "never."},
    {"tools", "clock", SETTING_TIME, NULL, NULL, 0, 0, true,
     "For tests: the time that tools see; it stands still. Unset: the system's clock."},
    {"tools", "check_results", SETTING_BOOL, "false", NULL, 0, 0, true,
     "Check every result against the result schema of the tool's manifest; one that does not fit "
     "is "
     "an error. For authors and tests."},
    {0}};

const struct setting *setting_find(const char *section, const char *key)
{
    for (const struct setting *row = settings_table; row->section; row++)
        if (strcmp(row->section, section) == 0 && strcmp(row->key, key) == 0)
            return row;
    return NULL;
}

bool setting_has_section(const char *section)
{
    for (const struct setting *row = settings_table; row->section; row++)
        if (strcmp(row->section, section) == 0)
            return true;
    return false;
}

size_t setting_count(void)
{
    return sizeof settings_table / sizeof *settings_table - 1;
}

char setting_separator(const struct setting *setting)
{
    return setting->choices ? setting->choices[0] : ':';
}
