/* SPDX-License-Identifier: Apache-2.0
 * Plain C functions of a bad native tool: one writes into the channel of its process, as if the
 * host had been asked to call whatever its text says. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define CHANNEL 200 /* where the runner keeps it (CHANNEL_HIGH in runner.c) */

static int put(const void *data, size_t size)
{
    return write(CHANNEL, data, size) == (ssize_t)size;
}

/* Sends a frame of the kind N, and waits for what comes back: 'R' or 'E', or negative. */
__attribute__((visibility("default"))) int steal(const char *text, int (*compare)(int a, int b))
{
    uint32_t head[2] = {(uint32_t)strlen(text), 'N'};
    char rest[4096];
    (void)compare;
    if (!put(head, sizeof head) || !put(text, head[0]))
        return -1;
    if (read(CHANNEL, head, sizeof head) != sizeof head || head[0] > sizeof rest ||
        read(CHANNEL, rest, head[0]) != (ssize_t)head[0] || !memmem(rest, head[0], "perm", 4))
        return -2;
    return (int)head[1];
}

/* Calls back for ever, or until the answer is negative. */
__attribute__((visibility("default"))) int again(int (*compare)(int a, int b))
{
    int answer = 0;
    for (int i = 0; answer >= 0; i++)
        answer = compare(i, 0);
    return answer;
}
