#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Calls that CONVENTIONS refuses, and words that mean unfinished work.
set -u
bad=0
calls='\b(system|popen|strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atof|signal|rand|srand|tmpnam|mktemp|setlocale|chdir|umask|setenv|putenv|alloca)\('
# main.c sets the locale of its output; daemonize.c and the executor change folder and mask on purpose;
# a runner sets its locale; snapshot.c and process_state.c ask for what a tool may have changed.
hits=$(grep -rnE "$calls" host sdk plugins --include='*.[ch]' |
    grep -vE '^host/main\.c:.*setlocale\(LC_CTYPE' |
    grep -vE '^host/tool/process_state\.c:.*setlocale\(LC_ALL, NULL\)' |
    grep -vE '^host/daemon/daemonize\.c:.*(chdir|umask)\(' |
    grep -vE '^host/kernel/executor\.c:.*chdir\(' |
    grep -vE '^host/tool/(runner|snapshot)\.c:.*(setlocale|umask)\(' |
    grep -vE ':[0-9]+: *(/\*|\*|//)')
[ -z "$hits" ] || { echo "$hits"; bad=1; }
hits=$(grep -rnE '\b(TODO|FIXME|XXX)\b' host sdk plugins tests --include='*.[ch]' --include='*.py')
[ -z "$hits" ] || { echo "$hits"; bad=1; }
exit $bad
