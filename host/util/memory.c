/* SPDX-License-Identifier: Apache-2.0
 * malloc in one arena. In an arena for each thread every one that a message of some megabytes goes
 * through would keep its own megabytes, and glibc cannot be asked for the end of such an arena. */
#include "util/memory.h"

#include <malloc.h>
#include <sys/resource.h>

#define BLOCK_MAX (4 << 20) /* larger ones come from the system and go back at once */
#define KEPT_MAX (32 << 20) /* free at the end of the heap, before anybody rests */
#define FREE_MAX (512 << 10)
#define FAULTS_MAX 128 /* pages: as much */

/* A fault costs a microsecond: without limits of our own a megabyte that is freed and taken again
 * for each message would take half a millisecond each time. */
void memory_settle(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, BLOCK_MAX);
    mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
}

static long count_faults(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : 0;
}

/* What was freed has been in use before, or has been taken anew since. */
static bool is_worth_it(const struct memory_mark *mark)
{
    return count_faults() - mark->faults >= FAULTS_MAX ||
           mallinfo2().fordblks >= mark->free + FREE_MAX;
}

bool memory_rest(struct memory_mark *mark)
{
    if (!is_worth_it(mark))
        return false;
    malloc_trim(0);
    *mark = (struct memory_mark){count_faults(), mallinfo2().fordblks};
    return true;
}
