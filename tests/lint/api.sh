#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/api.md is what the headers of the SDK say.
exec /usr/bin/python3 "$(dirname "$0")/api.py"
