/* SPDX-License-Identifier: Apache-2.0
 * What every unit test program ends with: TEST_MAIN(name, {"case", function}, …). Counts are
 * printed by CUnit; the exit status is 1 if anything failed. */
#ifndef TEST_H
#define TEST_H

#include <CUnit/Basic.h>
#include <stdlib.h>

#define TEST_MAIN(suite_name, ...)                                                                 \
    int main(void)                                                                                 \
    {                                                                                              \
        CU_TestInfo tests[] = {__VA_ARGS__, CU_TEST_INFO_NULL};                                    \
        CU_SuiteInfo suites[] = {{suite_name, NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL}; \
        if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)  \
            return EXIT_FAILURE;                                                                   \
        CU_basic_set_mode(CU_BRM_VERBOSE);                                                         \
        CU_basic_run_tests();                                                                      \
        unsigned failed = CU_get_number_of_failures();                                             \
        CU_cleanup_registry();                                                                     \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                               \
    }

#endif
