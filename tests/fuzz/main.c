/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target over files, without a fuzzer: each file as it is, and cut at every length up
 * to 4 KiB. Exit status 0 if nothing crashed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS_MAX 4096

static unsigned run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    unsigned runs = 1;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
    for (size_t n = 0; n < size && n < CUTS_MAX; n++, runs++) {
        uint8_t *cut = malloc(n ? n : 1); /* exact, so that a sanitizer sees a byte too many */
        memcpy(cut, bytes, n);
        LLVMFuzzerTestOneInput(cut, n);
        free(cut);
    }
    return runs;
}

int main(int argc, char **argv)
{
    unsigned runs = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        const struct dirent *entry;
        while (folder && (entry = readdir(folder))) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            runs += run_file(path);
        }
        if (folder)
            closedir(folder);
    }
    printf("%u inputs\n", runs);
    return runs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
