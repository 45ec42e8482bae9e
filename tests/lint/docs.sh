#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The documents against the code, and the other way round (docs.py says what is compared).
exec /usr/bin/python3 "$(dirname "$0")/docs.py" "$1"
