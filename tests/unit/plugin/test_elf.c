/* SPDX-License-Identifier: Apache-2.0
 * host/plugin/elf.c and libraries.c, over plugins of this build. */
#include "plugin/elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/libraries.h"
#include "test.h"

#define PLUGIN BUILD_DIR "/lib/llmspell/tools/calculator.so"

static struct elf elf;

static void open_plugin(void)
{
    struct error error;
    CU_ASSERT_EQUAL_FATAL(elf_open(PLUGIN, &elf, &error), 0);
}

static bool find(const char *name, struct elf_symbol *ret_symbol)
{
    for (size_t i = 0; elf_symbol(&elf, i, ret_symbol); i++)
        if (strcmp(ret_symbol->name, name) == 0)
            return true;
    return false;
}

static void test_symbols(void)
{
    struct elf_symbol symbol;
    open_plugin();
    CU_ASSERT_TRUE_FATAL(find("llmspell_tool_v1", &symbol));
    CU_ASSERT_TRUE(symbol.defined);
    CU_ASSERT_EQUAL(symbol.binding, STB_GLOBAL);
    CU_ASSERT_EQUAL(symbol.type, STT_OBJECT);
    CU_ASSERT_TRUE_FATAL(find("json_object_get", &symbol));
    CU_ASSERT_FALSE(symbol.defined);
    CU_ASSERT_FALSE(find("nobody_has_this", &symbol));
    elf_close(&elf);
}

static void test_the_entry_is_readable(void)
{
    struct elf_symbol symbol;
    const char *name = NULL;
    uint32_t size = 0;
    open_plugin();
    CU_ASSERT_TRUE_FATAL(find("llmspell_tool_v1", &symbol));
    CU_ASSERT_TRUE(elf_read(&elf, symbol.value, &size, sizeof size));
    CU_ASSERT_EQUAL(size, symbol.size);
    CU_ASSERT_TRUE_FATAL(elf_relocation(&elf, symbol.value + 8, &name));
    CU_ASSERT_STRING_EQUAL(name, "json_object_get");
    CU_ASSERT_FALSE(elf_relocation(&elf, symbol.value, &name));
    CU_ASSERT_FALSE(elf_read(&elf, UINT64_MAX - 4, &size, sizeof size));
    elf_close(&elf);
}

static void test_flags(void)
{
    open_plugin();
    CU_ASSERT_TRUE(elf.now && elf.nodelete && elf.relro && elf.stack_marked);
    CU_ASSERT_FALSE(elf.text_relocations || elf.executable_stack);
    elf_close(&elf);
}

static void test_libraries(void)
{
    bool jansson = false;
    const char *name;
    open_plugin();
    for (size_t i = 0; (name = elf_needed(&elf, i)); i++) {
        char *path = library_find(name, &elf, PLUGIN);
        CU_ASSERT_PTR_NOT_NULL(path);
        jansson = jansson || strncmp(name, "libjansson.so", 13) == 0;
        free(path);
    }
    CU_ASSERT_TRUE(jansson);
    CU_ASSERT_PTR_NULL(library_find("libnobody.so.9", &elf, PLUGIN));
    elf_close(&elf);
}

static void test_refuses(void)
{
    struct error error;
    struct elf other;
    CU_ASSERT_EQUAL(elf_open("/dev/null", &other, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_EQUAL(elf_open("/nowhere", &other, &error), LLMSPELL_EIO);
    CU_ASSERT_EQUAL(elf_open(SOURCE_DIR "/Makefile", &other, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "/Makefile is not a 64-bit ELF"));
}

TEST_MAIN("plugin/elf", {"symbols", test_symbols}, {"entry", test_the_entry_is_readable},
          {"flags", test_flags}, {"libraries", test_libraries}, {"refuses", test_refuses})
