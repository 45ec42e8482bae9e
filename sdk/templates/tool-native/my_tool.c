/* SPDX-License-Identifier: Apache-2.0
 * my_tool: a plain C function as a tool. There is no JSON code here: the host reads the types of
 * the arguments and of the result from "native" in my_tool.json and calls the function by them. */
#include <math.h>

#include <llmspell/host.h>

LLMSPELL_EXPORT double my_tool_km(double latitude1, double longitude1, double latitude2,
                                  double longitude2);

static double radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180.0);
}

/* Kilometres between two places on a sphere of the size of the earth (haversine formula). Exported,
 * as "symbol" in my_tool.json says. It may run in several threads at once: keep no static data. */
double my_tool_km(double latitude1, double longitude1, double latitude2, double longitude2)
{
    double north = sin(radians(latitude2 - latitude1) / 2);
    double east = sin(radians(longitude2 - longitude1) / 2);
    double part = north * north + cos(radians(latitude1)) * cos(radians(latitude2)) * east * east;
    return 2 * 6371.0 * asin(fmin(1, sqrt(part)));
}
