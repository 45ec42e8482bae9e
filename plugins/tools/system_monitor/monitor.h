/* SPDX-License-Identifier: Apache-2.0
 * What the sources of system_monitor share: the measurement of one call, readers of /proc and
 * /sys, and one function for each part of a result. What cannot be read is null, never 0. */
#ifndef SYSTEM_MONITOR_MONITOR_H
#define SYSTEM_MONITOR_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include <llmspell/fs.h>

#define UNKNOWN (-1) /* a count that could not be read */

/* One mounted file system (a line of mountinfo); texts point into mounts.text. */
struct mount {
    char *id;      /* "major:minor" of the file system, the same for all its mounts */
    char *root;    /* the folder of the file system that is mounted */
    char *dir;     /* where */
    char *type;    /* "ext4" */
    char *device;  /* "/dev/sda1" */
    char *options; /* of the file system: for cgroup v1, its controllers */
};

struct mounts {
    char *text;
    struct mount *items;
    size_t count;
    bool read; /* could the list be read? */
};

enum {
    CPU_USER,
    CPU_NICE,
    CPU_SYSTEM,
    CPU_IDLE,
    CPU_IOWAIT,
    CPU_IRQ,
    CPU_SOFTIRQ,
    CPU_STEAL,
    CPU_FIELDS
};

/* Ticks of one processor (or of all, id -1) since boot. */
struct cpu_times {
    int id;
    unsigned long long ticks[CPU_FIELDS];
};

struct cpu_sample {
    struct cpu_times *items; /* the first is the sum */
    size_t count;
};

struct interface {
    char name[64];
    json_int_t rx_bytes, tx_bytes, errors;
};

struct network_sample {
    struct interface *items; /* sorted by name */
    size_t count;
    bool read;
};

struct process {
    int pid, ppid;
    char name[64];
    size_t name_length;
    char state;
    unsigned long long ticks;   /* user and system time */
    unsigned long long started; /* ticks since boot */
    json_int_t rss_bytes, threads;
    double cpu_percent; /* UNKNOWN until computed */
};

struct process_sample {
    struct process *items; /* sorted by pid */
    size_t count;
    bool read;
};

/* One call. With an interval, the samples [0] and [1] were taken seconds apart; without one, [0]
 * is empty and means the boot, seconds ago. */
struct monitor {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    bool since_boot;
    double seconds; /* UNKNOWN if the uptime cannot be read */
    int32_t broken; /* why a read ended that was none of the file's doing: the call fails with it */
    struct mounts mounts;
    struct cpu_sample cpu[2];
    struct network_sample network[2];
    struct process_sample processes[2];
};

/* What the control group of this process allows. */
struct cgroup {
    int version;      /* 1, 2 or UNKNOWN */
    double cpu_quota; /* processors; UNKNOWN: no limit */
    json_int_t memory_limit, memory_used, pids_limit;
};

/* ---- read.c ---- */

/* A whole file of /proc or /sys, NUL-terminated; NULL if it cannot be read. The caller frees it. */
char *read_text(struct monitor *monitor, const char *path);
/* The file name in /proc/PID of this process. */
char *read_own(struct monitor *monitor, const char *name);
/* The whole number in a file; UNKNOWN if it is not there or holds none that fits. */
json_int_t read_integer(struct monitor *monitor, const char *path);
/* The number behind the line start key in text; UNKNOWN if there is none. */
json_int_t field_integer(const char *text, const char *key);
/* Cuts the next line off *text; NULL at the end. */
char *next_line(char **text);
/* Cuts the next word off *text; "" at the end. */
char *next_word(char **text);
/* Seconds since boot, or UNKNOWN. */
double uptime_seconds(struct monitor *monitor);
/* The Unix time of the boot, or UNKNOWN. */
json_int_t boot_time(struct monitor *monitor);

/* JSON values; UNKNOWN becomes null. Numbers are rounded to two digits. */
json_t *value_integer(json_int_t value);
json_t *value_number(double value);
/* part of whole in percent; null if there is no whole. */
json_t *value_percent(double part, double whole);
/* Bytes that need not be UTF-8: what is not becomes U+FFFD. */
json_t *value_text(const char *text, size_t length);
/* RFC 3339 in UTC; milliseconds if not 0. */
json_t *value_time(json_int_t seconds, int milliseconds);
json_t *value_bool(int value); /* negative: null */

/* ---- the parts; each returns a new object or a negative code with the error set ---- */

int32_t mounts_read(struct monitor *monitor);
void mounts_free(struct mounts *mounts);

int32_t cpu_take(struct monitor *monitor, struct cpu_sample *ret_sample);
int32_t network_take(struct monitor *monitor, struct network_sample *ret_sample);
int32_t processes_take(struct monitor *monitor, struct process_sample *ret_sample);
void cgroup_read(struct monitor *monitor, struct cgroup *ret_cgroup);

int32_t part_host(struct monitor *monitor, json_t **ret_part);
int32_t part_cpu(struct monitor *monitor, json_t **ret_part);
int32_t part_memory(struct monitor *monitor, json_t **ret_part);
int32_t part_disk(struct monitor *monitor, json_t **ret_part);
/* The mounts that the caller names: not_found for those that are none. */
int32_t disk_check(struct monitor *monitor);
int32_t part_load(struct monitor *monitor, json_t **ret_part);
int32_t part_network(struct monitor *monitor, json_t **ret_part);
int32_t part_processes(struct monitor *monitor, json_t **ret_part);
int32_t part_cgroup(struct monitor *monitor, json_t **ret_part);

/* Ends a part: *ret_part is object, or out_of_memory if it is NULL. */
int32_t part_return(struct monitor *monitor, json_t **ret_part, json_t *object);
int32_t no_memory(struct monitor *monitor);

#endif
