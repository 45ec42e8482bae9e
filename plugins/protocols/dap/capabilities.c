/* SPDX-License-Identifier: Apache-2.0
 * What the answer to initialize says: only what works. */
#include "dap.h"

static const char CAPABILITIES[] =
    "{\"supportsConfigurationDoneRequest\": true,"
    " \"supportsFunctionBreakpoints\": true,"
    " \"supportsConditionalBreakpoints\": true,"
    " \"supportsHitConditionalBreakpoints\": true,"
    " \"supportsLogPoints\": true,"
    " \"supportsEvaluateForHovers\": true,"
    " \"supportsSetVariable\": true,"
    " \"supportsSetExpression\": true,"
    " \"supportsCompletionsRequest\": true,"
    " \"completionTriggerCharacters\": [\".\", \":\", \"[\"],"
    " \"supportsModulesRequest\": true,"
    " \"supportsRestartRequest\": true,"
    " \"supportsExceptionInfoRequest\": true,"
    " \"supportsExceptionFilterOptions\": true,"
    " \"supportsValueFormattingOptions\": true,"
    " \"supportTerminateDebuggee\": true,"
    " \"supportsTerminateRequest\": true,"
    " \"supportsDelayedStackTraceLoading\": true,"
    " \"supportsLoadedSourcesRequest\": true,"
    " \"supportsBreakpointLocationsRequest\": true,"
    " \"supportsClipboardContext\": true,"
    " \"supportsStepInTargetsRequest\": true,"
    " \"supportsDataBreakpoints\": true,"
    " \"supportsCancelRequest\": true,"
    " \"exceptionBreakpointFilters\": ["
    "  {\"filter\": \"raised\", \"label\": \"Raised Errors\","
    "   \"description\": \"Stop where an error is raised, also if pcall catches it\","
    "   \"default\": false, \"supportsCondition\": true,"
    "   \"conditionDescription\": \"A Lua expression; the error is in `exception`\"},"
    "  {\"filter\": \"uncaught\", \"label\": \"Uncaught Errors\","
    "   \"description\": \"Stop where an error is raised that nothing catches\","
    "   \"default\": true, \"supportsCondition\": true,"
    "   \"conditionDescription\": \"A Lua expression; the error is in `exception`\"}]}";

json_t *capabilities(void)
{
    return json_loads(CAPABILITIES, 0, NULL);
}
